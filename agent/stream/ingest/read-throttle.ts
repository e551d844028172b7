import type { Clock } from '../../base/clock.ts';

/**
 * Limit for bursts ahead of real time, such as a publisher's cache; beyond it reading pauses. Capture times shift by as
 * much: recordings are cut at a shift of 2.5 s.
 */
export const MAX_SURPLUS_MS = 2_000;
/** Reading pauses for no longer than this at a time, so that viewers see no stalls. */
const STEP_MS = 100;
const CHECK_EVERY_MS = 50;

interface BrakedLink {
  pause(): void;
  resume(): void;
}

/** Pauses reading from a publisher that sends faster than real time over a connection, which slows it down. */
export class ReadThrottle {
  readonly #link: BrakedLink;
  readonly #surplusMs: () => number;
  readonly #clock: Clock;
  /** Set while reading pauses. */
  #stopWaiting: (() => void) | undefined;

  /** @param surplusMs how far the media is ahead of real time now */
  constructor(link: BrakedLink, surplusMs: () => number, clock: Clock) {
    this.#link = link;
    this.#surplusMs = surplusMs;
    this.#clock = clock;
  }

  get isPulled(): boolean {
    return this.#stopWaiting !== undefined;
  }

  pull(): void {
    if (!this.#stopWaiting) {
      this.#link.pause();
      this.#stopWaiting = this.#clock.every(CHECK_EVERY_MS, () => {
        if (this.#surplusMs() <= MAX_SURPLUS_MS - STEP_MS) {
          this.release();
        }
      });
    }
  }

  release(): void {
    if (this.#stopWaiting) {
      this.#stopWaiting();
      this.#stopWaiting = undefined;
      this.#link.resume();
    }
  }
}
