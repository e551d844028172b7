import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { type JoinedSignal, joinSignals } from '../../../base/joined-signal.ts';
import type { Logger } from '../../../base/log.ts';
import type { BackChannel, Loudspeaker, TalkFormat } from '../../../stream/contracts.ts';
import { Redirect } from '../../../transports/rtsp/request/method-client.ts';
import { followRedirects } from '../request/redirects.ts';
import type { RtspSourceOptions } from '../request/settings.ts';
import type { Transport, TransportChoice } from '../transport/transport-choice.ts';
import type { BackTrack } from './back-track.ts';
import { TalkConnection } from './talk-connection.ts';

/** How long an unsupported back channel is remembered: the camera's settings may change. */
const UNSUPPORTED_TTL_MS = 600_000;
/** How long a rejected login is remembered: one more wrong password may lock out the owner. */
const UNAUTHORIZED_TTL_MS = 300_000;
/** Repeated checks open at most one connection to the camera in this time. */
const FAILURE_TTL_MS = 15_000;

/**
 * The loudspeaker of an RTSP camera (ONVIF Streaming §5.3), on its own connection, which is open only during a talk: a camera that
 * fails at the check keeps its picture, and one that accepts a single client stays free for others.
 */
export class RtspLoudspeaker implements Loudspeaker {
  readonly #options: RtspSourceOptions;
  readonly #choice: TransportChoice;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Undefined: not known to have one. */
  #format: TalkFormat | undefined;
  /** Why the camera takes no sound; cached until `untilMs`. */
  #refusal: { readonly cause: unknown; readonly isNone: boolean; readonly untilMs: number } | undefined;
  #asking: Promise<TalkFormat> | undefined;
  #isTaken = false;
  /** Teardown of the previous connection. */
  #closing: Promise<void> = Promise.resolve();

  /** @param choice shared with the source of the path */
  constructor(options: RtspSourceOptions, choice: TransportChoice, clock: Clock, log: Logger) {
    this.#options = options;
    this.#choice = choice;
    this.#clock = clock;
    this.#log = log;
  }

  get state(): 'yes' | 'no' | 'unknown' {
    if (this.#options.box?.mayTalk() === false) {
      return 'no';
    }
    return this.#format ? 'yes' : this.#refusal?.isNone ? 'no' : 'unknown';
  }

  async check(signal: AbortSignal): Promise<TalkFormat> {
    this.#throwRefusal();
    if (this.#format) {
      return this.#format;
    }
    this.#asking ??= this.#ask(signal).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async open(onEnded: (reason: string) => void, signal: AbortSignal): Promise<BackChannel> {
    const { name } = this.#options;
    if (this.#isTaken) {
      throw new PerchError('exhausted', `another speaker is talking through the camera of path '${name}'`);
    }
    this.#throwRefusal();
    this.#isTaken = true;
    try {
      await this.#closing;
      const [connection, { codec, clockRate, channels, format }] = await this.#remembered(() => this.#connect(signal));
      const closing = new AbortController();
      void this.#keep(connection, joinSignals([closing.signal, signal]), onEnded);
      this.#log.info({ codec: format.encoding }, 'talk to the camera started');
      return {
        codec,
        clockRate,
        channels,
        send: (payload, ticks) => connection.send(payload, ticks),
        close: () => closing.abort(),
      };
    } catch (error) {
      this.#isTaken = false;
      throw error;
    }
  }

  /** Keeps the connection until it ends. */
  async #keep(connection: TalkConnection, over: JoinedSignal, onEnded: (reason: string) => void): Promise<void> {
    const cause = await connection.watch(over.signal);
    over.release();
    this.#isTaken = false;
    this.#closing = connection.close();
    const isClosed = over.signal.aborted;
    const reason = isClosed ? 'closed by the speaker' : explain(cause);
    this.#log.info({ reason }, 'talk to the camera ended');
    if (!isClosed) {
      onEnded(reason);
    }
  }

  #ask(signal: AbortSignal): Promise<TalkFormat> {
    return this.#remembered(() =>
      this.#onConnection(signal, async (connection, { codec, clockRate, channels }) => {
        await connection.close();
        return { codec, clockRate, channels };
      }),
    );
  }

  async #connect(signal: AbortSignal): Promise<readonly [TalkConnection, BackTrack]> {
    return this.#onConnection(signal, async (connection, track, isTunnelled) => {
      const transports = this.#choice.transports(isTunnelled).filter((transport) => transport !== 'multicast');
      const own: readonly Transport[] = transports.length > 0 ? transports : ['tcp'];
      await connection.begin(own);
      return [connection, track] as const;
    });
  }

  /** Calls `use` with a connection that has a back channel, which is closed when `use` fails. */
  async #onConnection<T>(
    signal: AbortSignal,
    use: (connection: TalkConnection, track: BackTrack, isTunnelled: boolean) => Promise<T>,
  ): Promise<T> {
    return followRedirects(this.#options, this.#log, signal, async (address, newAuthenticator) => {
      const opened = await this.#options.box?.open(signal);
      const connection = new TalkConnection(address, newAuthenticator, this.#options, this.#clock, signal, opened);
      try {
        const track = await connection.find();
        if (track instanceof Redirect) {
          await connection.close();
          return track;
        }
        const { codec, clockRate, channels } = track;
        this.#format = { codec, clockRate, channels };
        this.#refusal = undefined;
        return await use(connection, track, address.isSecure || address.tunnel !== 'none');
      } catch (error) {
        await connection.close();
        throw error;
      }
    });
  }

  /** Runs `work` and caches its failure. */
  async #remembered<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      const [isNone, isUnauthorized] = [isCode(cause, 'unsupported'), isCode(cause, 'unauthorized')];
      this.#format = isNone || isUnauthorized ? undefined : this.#format;
      // A paired box is not logged in to with a password, so a retry cannot lock out its owner.
      const longerMs = isUnauthorized && !this.#options.box ? UNAUTHORIZED_TTL_MS : FAILURE_TTL_MS;
      const untilMs = this.#clock.monoMs() + (isNone ? UNSUPPORTED_TTL_MS : longerMs);
      this.#refusal = this.#format ? undefined : { cause, isNone, untilMs };
      throw cause;
    }
  }

  #throwRefusal(): void {
    const { box, name } = this.#options;
    if (box && !box.mayTalk()) {
      const message = `the box of path '${name}' does not let this server talk: its owner can allow it`;
      throw new PerchError('unsupported', message, { path: name });
    }
    const refusal = this.#refusal;
    if (refusal && this.#clock.monoMs() < refusal.untilMs) {
      throw refusal.cause;
    }
    this.#refusal = undefined;
  }
}

const isCode = (error: unknown, code: PerchError['code']): boolean =>
  error instanceof PerchError && error.code === code;
