import type { Clock } from '../base/clock.ts';
import type { Sample } from '../media/sample/sample.ts';

/** A tenth less than the frames last: what has piled up is worked off. */
const PACE = 0.9;
const TICK_MS = 10;
/** ffmpeg sends AAC for seven tenths of a second at once; what is more than twice that has no place in live sound. */
const MAX_WAITING_MS = 1_500;

/**
 * Gives frames that come many at once one by one: a frame of AAC is up to seven of Opus, a packet of some publishers three dozen, and a
 * browser that gets them in bursts makes its delay longer than any of them and loses the picture beside it.
 */
export class Pacer {
  readonly #frameMs: number;
  readonly #clock: Clock;
  readonly #emit: (sample: Sample) => void;
  #waiting: Sample[] = [];
  /** When the next frame may go. */
  #dueMs = 0;
  #stopTicking: (() => void) | undefined;

  constructor(frameMs: number, clock: Clock, emit: (sample: Sample) => void) {
    this.#frameMs = frameMs;
    this.#clock = clock;
    this.#emit = emit;
  }

  take(frame: Sample): void {
    this.#waiting.push(frame);
    if (this.#waiting.length * this.#frameMs > MAX_WAITING_MS) {
      this.#waiting.shift();
    }
    this.#release();
  }

  /** What waits is not wanted any more. */
  close(): void {
    this.#waiting = [];
    this.#setTicking(false);
  }

  #release(): void {
    const nowMs = this.#clock.monoMs();
    while (this.#waiting.length > 0 && this.#dueMs <= nowMs) {
      // A late frame does not make the next one earlier.
      this.#dueMs = Math.max(this.#dueMs, nowMs - TICK_MS) + PACE * this.#frameMs;
      this.#emit(this.#waiting.shift() as Sample);
    }
    this.#setTicking(this.#waiting.length > 0);
  }

  #setTicking(isTicking: boolean): void {
    if (!isTicking) {
      this.#stopTicking?.();
      this.#stopTicking = undefined;
    } else {
      this.#stopTicking ??= this.#clock.every(TICK_MS, () => this.#release());
    }
  }
}
