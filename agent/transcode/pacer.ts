import type { Clock } from '../base/clock.ts';
import type { Sample } from '../media/sample/sample.ts';

/** 10 % faster than real time, which drains the queue. */
const PACE = 0.9;
/** A frame that is released later than this delays the next one. */
const MAX_LATE_MS = 8;
/** ffmpeg sends AAC in bursts of 0.7 s; twice that is too late for live audio. */
const MAX_WAITING_MS = 1_500;

/**
 * Spaces out frames that arrive in bursts: one AAC frame is up to seven Opus frames, and some publishers send 36 frames
 * per packet. A browser that receives bursts delays its playback by more than their length and drops video frames.
 */
export class Pacer {
  readonly #frameMs: number;
  readonly #clock: Clock;
  readonly #emit: (sample: Sample) => void;
  #waiting: Sample[] = [];
  /** When the next frame is due. */
  #dueMs = 0;
  #stopTimer: (() => void) | undefined;

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

  close(): void {
    this.#waiting = [];
    this.#setTimer();
  }

  #release(): void {
    const nowMs = this.#clock.monoMs();
    while (this.#waiting.length > 0 && this.#dueMs <= nowMs) {
      // A late frame does not move the next one earlier.
      this.#dueMs = Math.max(this.#dueMs, nowMs - MAX_LATE_MS) + PACE * this.#frameMs;
      this.#emit(this.#waiting.shift() as Sample);
    }
    this.#setTimer();
  }

  /** One timer for the next frame. */
  #setTimer(): void {
    if (this.#waiting.length === 0) {
      this.#stopTimer?.();
      this.#stopTimer = undefined;
    } else {
      this.#stopTimer ??= this.#clock.every(Math.max(1, Math.ceil(this.#dueMs - this.#clock.monoMs())), () => {
        this.#stopTimer?.();
        this.#stopTimer = undefined;
        this.#release();
      });
    }
  }
}
