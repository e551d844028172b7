import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { openChannel } from '../channel/open-channel.ts';
import { type Address, joinControl } from '../request/address.ts';
import type { Authenticator } from '../request/authenticator.ts';
import { type BackTrack, findBackTrack, REQUIRE_BACK_CHANNEL } from '../request/back-track.ts';
import { RtspConnection } from '../request/connection.ts';
import { Dialogue, Redirect } from '../request/dialogue.ts';
import type { Outlet } from '../transport/track-transport.ts';
import { Lanes } from '../transport/track-transports.ts';
import { TransportRefused, type Way } from '../transport/transport-choice.ts';
import type { UdpOptions } from '../transport/udp-ports.ts';
import { Voice } from './voice.ts';

const TICK_MS = 1_000;
/** A camera that is told nothing but sound says nothing by itself: asked this often, one that is gone is soon found out. */
const KEEP_ALIVE_MS = 10_000;
/** Only for cameras that do answer their keep-alives. */
const SILENCE_LIMIT_MS = 25_000;

export interface LineOptions extends UdpOptions {
  readonly readTimeoutMs: number;
  readonly sourceFingerprint?: string;
}

/** A connection to a camera for talking only. */
export class Line {
  readonly #connection: RtspConnection;
  readonly #dialogue: Dialogue;
  readonly #address: Address;
  readonly #options: LineOptions;
  readonly #clock: Clock;
  #track: BackTrack | undefined;
  #uri = '';
  #voice: Voice | undefined;
  #end: (cause: unknown) => void = () => {};

  constructor(
    address: Address,
    newAuthenticator: () => Authenticator,
    options: LineOptions,
    clock: Clock,
    signal: AbortSignal,
  ) {
    const { name, readTimeoutMs: timeoutMs, sourceFingerprint: fingerprint = '' } = options;
    const channel = openChannel(address, { name, fingerprint, authenticator: newAuthenticator() });
    this.#connection = new RtspConnection(channel, address, name, clock);
    this.#dialogue = new Dialogue(this.#connection, address, newAuthenticator(), { name, timeoutMs }, signal);
    this.#address = address;
    this.#options = options;
    this.#clock = clock;
  }

  /** Looks for the back channel, which makes no sound and takes no place yet. @throws PerchError unsupported when there is none */
  async find(): Promise<BackTrack | Redirect> {
    await this.#dialogue.greet();
    const description = await this.#dialogue.describe(true);
    if (description instanceof Redirect) {
      return description;
    }
    const track = findBackTrack(description.sdp.medias);
    if (!track) {
      const message = `camera of path '${this.#options.name}' has no back channel for G.711: it cannot be talked to`;
      throw new PerchError('unsupported', message, { path: this.#options.name });
    }
    this.#track = track;
    this.#uri = joinControl(this.#address, description.base, track.control);
    return track;
  }

  /** After `find`. @param ways of sending, best first; @throws PerchError when the camera does not let us talk now */
  async begin(ways: readonly Way[]): Promise<void> {
    try {
      const outlet = await this.#setup(ways);
      this.#voice = this.#track && new Voice(this.#track, outlet);
      await this.#dialogue.play([['Range', 'npt=0.000-'], REQUIRE_BACK_CHANNEL]);
    } catch (error) {
      const isRefusal = error instanceof PerchError && ('status' in error.context || error.code === 'unsupported');
      if (!isRefusal) {
        throw error;
      }
      // Dahua and Amcrest let one client talk.
      const message = `camera of path '${this.#options.name}' does not let us talk, perhaps because somebody else does`;
      throw new PerchError('unavailable', message, { path: this.#options.name }, error);
    }
  }

  say(payload: Uint8Array, ticks: number): void {
    this.#voice?.say(payload, ticks);
  }

  /** Keeps the session alive. @returns why the line is dead when it is, or `signal` has aborted */
  async watch(signal: AbortSignal): Promise<unknown> {
    const { promise: over, resolve } = Promise.withResolvers<unknown>();
    this.#end = resolve;
    const onAbort = (): void => resolve(signal.reason);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) {
      onAbort();
    }
    const stop = this.#clock.every(TICK_MS, this.#keeper());
    const cause = await Promise.race([over, this.#connection.ended]);
    stop();
    // The path's signal lives on, and would keep each line that has ever been.
    signal.removeEventListener('abort', onAbort);
    return cause;
  }

  /** Says goodbye; never rejects. */
  async close(): Promise<void> {
    this.#voice?.close();
    this.#voice = undefined;
    await this.#dialogue.teardown();
    this.#connection.fail(new PerchError('unavailable', 'connection is over'));
  }

  async #setup(ways: readonly Way[]): Promise<Outlet> {
    const lanes = new Lanes(this.#connection, this.#dialogue, this.#address.host, this.#options, this.#clock);
    let refusal: unknown;
    for (const way of ways) {
      try {
        return await lanes.addOutlet(this.#uri, way, [REQUIRE_BACK_CHANNEL]);
      } catch (error) {
        if (!(error instanceof TransportRefused)) {
          throw error;
        }
        refusal ??= error.cause;
      }
    }
    throw refusal;
  }

  /** Called each second. */
  #keeper(): () => void {
    const everyMs = Math.min(KEEP_ALIVE_MS, this.#dialogue.sessionMs / 2);
    let askedAtMs = this.#clock.monoMs();
    const beganAtMs = askedAtMs;
    let answers = false;
    return () => {
      const nowMs = this.#clock.monoMs();
      const { readAtMs } = this.#connection;
      answers ||= askedAtMs > beganAtMs && readAtMs >= askedAtMs;
      if (answers && nowMs - readAtMs >= SILENCE_LIMIT_MS) {
        const message = `camera of path '${this.#options.name}' has not answered for ${SILENCE_LIMIT_MS / 1000} s`;
        this.#end(new PerchError('timeout', message, { path: this.#options.name }));
      } else if (nowMs - askedAtMs >= everyMs) {
        askedAtMs = nowMs;
        this.#dialogue.keepAlive();
      }
    };
  }
}
