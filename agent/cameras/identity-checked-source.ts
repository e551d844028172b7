import type { Clock } from '../base/clock.ts';
import type { PerchError } from '../base/errors.ts';
import { joinSignals } from '../base/joined-signal.ts';
import { cameraError } from '../onvif/soap/http/failures.ts';
import type { Reach } from '../protocols/contract.ts';
import type { Loudspeaker, Source, SourceStatistics, StreamSink } from '../stream/contracts.ts';
import { OTHER_CAMERA, type Verdict } from './following/identity.ts';

/** Repeats an inconclusive check: a camera may stream before ONVIF answers. */
const RECHECK_PAUSES_MS = [5_000, 15_000, 60_000] as const;
/** Maximum delay of the first connection by the check. */
const CHECK_TIMEOUT_MS = 2_000;
const RECONNECT_CHECK_TIMEOUT_MS = 10_000;
const SILENT_PAUSE_MS = 1_000;
/** Maximum delay of the login to a device that was silent until it accepted the connection of the stream. */
const LOGIN_CHECK_TIMEOUT_MS = 5_000;

export interface IdentityWatch {
  /** Never rejects. */
  check(path: string): Promise<Verdict>;
  /** @param cause unless another camera is there */
  failed(path: string, isOther?: boolean, cause?: unknown): void;
  connected(path: string): void;
}

/** The source of a camera with an identity: keeps the stream of another camera at its address out of the path. */
export class IdentityCheckedSource implements Source {
  readonly #source: Source;
  readonly #path: string;
  readonly #watch: IdentityWatch;
  readonly #clock: Clock;
  #hasFailed = false;
  /** Of the current run. */
  #isOther = false;
  /** Another device may be at the address: it has to be asked before it gets the login. */
  #isUnconfirmed = false;
  /** The stream and talk wait for the same answer. */
  #confirming: Promise<void> | undefined;

  constructor(source: Source, path: string, watch: IdentityWatch, clock: Clock) {
    this.#source = source;
    this.#path = path;
    this.#watch = watch;
    this.#clock = clock;
  }

  get type(): string {
    return this.#source.type;
  }

  get statistics(): SourceStatistics | undefined {
    return this.#source.statistics;
  }

  get heldMs(): number | undefined {
    return this.#source.heldMs;
  }

  get loudspeaker(): Loudspeaker | undefined {
    return this.#source.loudspeaker;
  }

  get answers(): Source['answers'] {
    return this.#source.answers?.bind(this.#source);
  }

  async run(sink: StreamSink, signal: AbortSignal): Promise<void> {
    this.#isOther = false;
    // After a failure another camera may be there, so a silent one is checked for longer.
    const verdict = await this.#checkWithin(this.#hasFailed ? RECONNECT_CHECK_TIMEOUT_MS : CHECK_TIMEOUT_MS, signal);
    this.#isUnconfirmed = verdict === 'other' || (this.#hasFailed && verdict !== 'same');
    if (signal.aborted) {
      return;
    }
    if (verdict === 'other') {
      this.#hasFailed = true;
      this.#watch.failed(this.#path, true);
      throw otherCamera(this.#path);
    }
    const ended = new AbortController();
    const joined = joinSignals([signal, ended.signal]);
    const opened: StreamSink = {
      publish: (tracks) => {
        const stream = sink.publish(tracks);
        this.#watch.connected(this.#path);
        return stream;
      },
    };
    const asking =
      verdict === 'same'
        ? undefined
        : this.#askAgain(joined.signal).then((is) => {
            if (is) {
              this.#isOther = true;
              this.#isUnconfirmed = true;
              ended.abort();
            }
          });
    try {
      await this.#source.run(opened, joined.signal);
      if (this.#isOther) {
        throw otherCamera(this.#path);
      }
    } catch (error) {
      if (!signal.aborted) {
        this.#hasFailed = true;
        this.#isUnconfirmed = true;
        this.#watch.failed(this.#path, this.#isOther, this.#isOther ? undefined : error);
      }
      throw this.#isOther ? otherCamera(this.#path) : error;
    } finally {
      ended.abort();
      await asking;
      joined.release();
    }
  }

  /**
   * Asks the device for its identity before it gets the login, if it has not shown it since the last failure. What accepts connections now
   * answers ONVIF as well. One that does not answer gets the login after a while: its ONVIF may be off.
   * @param reach as in `LoginWatch.turn`
   * @throws PerchError otherCamera, or that of `reach`
   */
  async beforeLogin(signal: AbortSignal, reach?: Reach): Promise<void> {
    while (this.#isUnconfirmed && !signal.aborted) {
      this.#confirming ??= this.#confirm(signal, reach).finally(() => {
        this.#confirming = undefined;
      });
      await this.#confirming;
    }
  }

  async #confirm(signal: AbortSignal, reach?: Reach): Promise<void> {
    await reach?.(signal);
    const verdict = await this.#checkWithin(LOGIN_CHECK_TIMEOUT_MS, signal);
    if (verdict === 'other') {
      this.#isOther = true;
      throw otherCamera(this.#path);
    }
    if (!signal.aborted) {
      this.#isUnconfirmed = false;
    }
  }

  async #checkWithin(timeoutMs: number, signal: AbortSignal): Promise<Verdict> {
    const timeout = new AbortController();
    const joined = joinSignals([signal, timeout.signal]);
    const late = this.#clock.sleep(timeoutMs, joined.signal).then((): Verdict => 'unknown');
    try {
      return await Promise.race([this.#ask(joined.signal), late]);
    } finally {
      timeout.abort();
      joined.release();
    }
  }

  async #ask(signal: AbortSignal): Promise<Verdict> {
    for (;;) {
      const verdict = await this.#watch.check(this.#path);
      if (verdict !== 'silent' || !this.#hasFailed || signal.aborted) {
        return verdict;
      }
      await this.#clock.sleep(SILENT_PAUSE_MS, signal);
    }
  }

  /** @returns whether it is another camera, as soon as that is known */
  async #askAgain(signal: AbortSignal): Promise<boolean> {
    for (const pauseMs of RECHECK_PAUSES_MS) {
      await this.#clock.sleep(pauseMs, signal);
      const verdict = signal.aborted ? 'same' : await this.#watch.check(this.#path);
      if (verdict !== 'unknown' && verdict !== 'silent') {
        return verdict === 'other' && !signal.aborted;
      }
    }
    return false;
  }
}

const otherCamera = (path: string): PerchError => cameraError('otherCamera', OTHER_CAMERA, { path });
