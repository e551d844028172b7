import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { BackChannel, Loudspeaker } from '../../../stream/contracts.ts';
import type { BackTrack } from '../request/back-track.ts';
import { Redirect } from '../request/dialogue.ts';
import { atItsAddress, type Login } from '../request/redirects.ts';
import type { TransportChoice, Way } from '../transport/transport-choice.ts';
import { Line, type LineOptions } from './line.ts';

/** A camera whose settings have been changed may be talked to afterwards. */
const NO_HOLDS_MS = 600_000;
/** One more wrong password may lock the owner out. */
const PASSWORD_HOLDS_MS = 300_000;
/** A page that asks again and again costs the camera one connection in this time. */
const FAILURE_HOLDS_MS = 15_000;

export type LoudspeakerOptions = LineOptions & Login;

/**
 * The loudspeaker of an RTSP camera (ONVIF Streaming §5.3). It is asked for on a connection of its own, and taken only while
 * somebody talks: a camera that trips over the question loses no picture, and one that lets a single client talk is left to
 * others meanwhile.
 */
export class RtspLoudspeaker implements Loudspeaker {
  readonly #options: LoudspeakerOptions;
  readonly #choice: TransportChoice;
  readonly #clock: Clock;
  readonly #log: Logger;
  #isThere = false;
  /** Why the camera cannot be talked to, as long as that is believed. */
  #refusal: { readonly cause: unknown; readonly isNone: boolean; readonly untilMs: number } | undefined;
  #asking: Promise<void> | undefined;
  #isTaken = false;
  /** To the line before. */
  #goodbye: Promise<void> = Promise.resolve();

  /** @param choice what was learnt about the ways that the camera takes */
  constructor(options: LoudspeakerOptions, choice: TransportChoice, clock: Clock, log: Logger) {
    this.#options = options;
    this.#choice = choice;
    this.#clock = clock;
    this.#log = log;
  }

  get state(): 'yes' | 'no' | 'unknown' {
    return this.#isThere ? 'yes' : this.#refusal?.isNone ? 'no' : 'unknown';
  }

  async check(signal: AbortSignal): Promise<void> {
    if (this.#isThere) {
      return;
    }
    this.#throwRefusal();
    this.#asking ??= this.#ask(signal).finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  async open(onEnded: (reason: string) => void, signal: AbortSignal): Promise<BackChannel> {
    const { name } = this.#options;
    if (this.#isTaken) {
      throw new PerchError('exhausted', `somebody is talking through the camera of path '${name}' already`);
    }
    this.#throwRefusal();
    this.#isTaken = true;
    try {
      await this.#goodbye;
      const [line, { codec, format }] = await this.#remembered(() => this.#connect(signal));
      const closing = new AbortController();
      const over = AbortSignal.any([closing.signal, signal]);
      void this.#keep(line, over, onEnded);
      this.#log.info({ codec }, 'somebody talks through the camera');
      return {
        codec,
        clockRate: format.clockRate,
        channels: format.channels,
        send: (payload, ticks) => line.say(payload, ticks),
        close: () => closing.abort(),
      };
    } catch (error) {
      this.#isTaken = false;
      throw error;
    }
  }

  /** Until the line is dead or given up. */
  async #keep(line: Line, over: AbortSignal, onEnded: (reason: string) => void): Promise<void> {
    const cause = await line.watch(over);
    this.#isTaken = false;
    this.#goodbye = line.close();
    const reason = over.aborted ? 'the speaker has closed' : explain(cause);
    this.#log.info({ reason }, 'nobody talks through the camera any more');
    if (!over.aborted) {
      onEnded(reason);
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    await this.#remembered(() =>
      this.#onLine(signal, async (line) => {
        await line.close();
      }),
    );
  }

  async #connect(signal: AbortSignal): Promise<readonly [Line, BackTrack]> {
    return this.#onLine(signal, async (line, track, isTunnelled) => {
      const ways = this.#choice.ways(isTunnelled).filter((way) => way !== 'multicast');
      const own: readonly Way[] = ways.length > 0 ? ways : ['tcp'];
      await line.begin(own);
      return [line, track] as const;
    });
  }

  /** A line on which the back channel was found; it is closed when `use` fails. */
  async #onLine<T>(
    signal: AbortSignal,
    use: (line: Line, track: BackTrack, isTunnelled: boolean) => Promise<T>,
  ): Promise<T> {
    return atItsAddress(this.#options, this.#log, signal, async (address, newAuthenticator) => {
      const line = new Line(address, newAuthenticator, this.#options, this.#clock, signal);
      try {
        const track = await line.find();
        if (track instanceof Redirect) {
          await line.close();
          return track;
        }
        this.#isThere = true;
        this.#refusal = undefined;
        return await use(line, track, address.isSecure || address.tunnel !== 'none');
      } catch (error) {
        await line.close();
        throw error;
      }
    });
  }

  /** What is found out holds for a while. */
  async #remembered<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      this.#isThere &&= !isCode(cause, 'unsupported') && !isCode(cause, 'unauthorized');
      this.#refusal = this.#isThere ? undefined : this.#refusalOf(cause);
      throw cause;
    }
  }

  #refusalOf(cause: unknown) {
    const isNone = isCode(cause, 'unsupported');
    const longerMs = isCode(cause, 'unauthorized') ? PASSWORD_HOLDS_MS : FAILURE_HOLDS_MS;
    return { cause, isNone, untilMs: this.#clock.monoMs() + (isNone ? NO_HOLDS_MS : longerMs) };
  }

  #throwRefusal(): void {
    const refusal = this.#refusal;
    if (refusal && this.#clock.monoMs() < refusal.untilMs) {
      throw refusal.cause;
    }
    this.#refusal = undefined;
  }
}

const isCode = (error: unknown, code: PerchError['code']): boolean =>
  error instanceof PerchError && error.code === code;
