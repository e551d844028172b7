/** The least delay of the last one to two windows is used: long enough to outlast a burst, short enough to follow drift. */
const WINDOW_MS = 10_000;
/** Fastest change of the offset: imperceptible, and times never run backwards. */
const MAX_SLEW = 500e-6;
/** A sender may begin with a burst of cached media. The least delay is unknown until the burst ends, so the offset falls freely for this long. */
const SETTLE_MS = 3_000;
/** A larger error means that a clock was stopped; the offset follows it at once. */
const STEP_MS = 1_000;

/**
 * Estimates the offset of a sender's media clock to our monotonic clock. Packets can be late, never early, so the least
 * `arrival - media time` of some seconds is the offset, and the rest is network delay. The estimate follows it slowly:
 * jitter does not reach it, drift does.
 */
export class ArrivalFilter {
  /** Monotonic milliseconds at which media time was 0; NaN before the first arrival. */
  offsetMs = Number.NaN;
  /** What the offset lacked at the last arrival: large until the least delay is followed. */
  awayMs = 0;
  #settledAtMs = 0;
  #windowEndMs = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #minBeforeMs = Number.POSITIVE_INFINITY;
  #lastAtMs = 0;

  /**
   * @param atMs monotonic time of arrival
   * @param mediaMs media time of the packet
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
      this.#minBeforeMs = this.#minMs;
      this.#minMs = Number.POSITIVE_INFINITY;
      this.#windowEndMs = atMs + WINDOW_MS;
    }
    this.#minMs = Math.min(this.#minMs, offsetMs);
    const awayMs = Math.min(this.#minMs, this.#minBeforeMs) - this.offsetMs;
    this.awayMs = awayMs;
    if (atMs < this.#settledAtMs || Math.abs(awayMs) > STEP_MS) {
      this.offsetMs += awayMs;
    } else {
      const reachMs = (atMs - this.#lastAtMs) * MAX_SLEW;
      this.offsetMs += Math.max(-reachMs, Math.min(reachMs, awayMs));
    }
    this.#lastAtMs = atMs;
  }

  /** Media time was set forward by `ms`. */
  advance(ms: number): void {
    this.offsetMs -= ms;
    this.#minMs -= ms;
    this.#minBeforeMs -= ms;
  }
}
