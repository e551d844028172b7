/** The least delay is looked for in the last one to two windows: long enough to see past a burst, short enough to follow drift. */
const WINDOW_MS = 10_000;
/** How fast the offset may move: too slow to see, and no label runs backwards. */
const MAX_SLEW = 500e-6;
/** A sender may begin with a burst of what it has kept: the least delay is not known before its end. Until then the offset falls freely. */
const SETTLE_MS = 3_000;
/** Beyond this the sender's clock was stopped, and crawling back would take hours. */
const STEP_MS = 1_000;

/**
 * Finds where a sender's media clock stands on our monotonic clock. Packets can only be late, never early, so the least
 * `arrival - media time` of some seconds is the truth and the rest is the network. The answer follows it slowly:
 * jitter does not reach it, drift does.
 */
export class ArrivalFilter {
  /** Monotonic milliseconds at which media time was 0; NaN before the first arrival. */
  offsetMs = Number.NaN;
  #settledAtMs = 0;
  #windowEndMs = 0;
  #leastMs = Number.POSITIVE_INFINITY;
  #leastBeforeMs = Number.POSITIVE_INFINITY;
  #lastAtMs = 0;

  /**
   * @param atMs monotonic time of arrival
   * @param mediaMs the sender's clock in what arrived
   */
  push(atMs: number, mediaMs: number): void {
    const offsetMs = atMs - mediaMs;
    if (Number.isNaN(this.offsetMs)) {
      this.offsetMs = offsetMs;
      this.#windowEndMs = atMs + WINDOW_MS;
      this.#settledAtMs = atMs + SETTLE_MS;
      this.#lastAtMs = atMs;
    }
    if (atMs >= this.#windowEndMs) {
      this.#leastBeforeMs = this.#leastMs;
      this.#leastMs = Number.POSITIVE_INFINITY;
      this.#windowEndMs = atMs + WINDOW_MS;
    }
    this.#leastMs = Math.min(this.#leastMs, offsetMs);
    const awayMs = Math.min(this.#leastMs, this.#leastBeforeMs) - this.offsetMs;
    if (atMs < this.#settledAtMs || Math.abs(awayMs) > STEP_MS) {
      this.offsetMs += awayMs;
    } else {
      const reachMs = (atMs - this.#lastAtMs) * MAX_SLEW;
      this.offsetMs += Math.max(-reachMs, Math.min(reachMs, awayMs));
    }
    this.#lastAtMs = atMs;
  }

  /** Media time has been set forward: what was 0 is `ms` now. */
  advance(ms: number): void {
    this.offsetMs -= ms;
    this.#leastMs -= ms;
    this.#leastBeforeMs -= ms;
  }
}
