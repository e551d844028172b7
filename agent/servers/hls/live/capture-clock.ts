/** How long an early arrival is remembered, at least; at most twice as long. A clock of the camera's that goes wrong by 0.1 ms per second is off by 1 ms then. */
const MEMORY_MS = 5_000;

/**
 * When what has a media time was captured, by the arrivals of late: as early as the earliest of them says. One arrival alone says it wrongly
 * by what it was late, and by the place that it has in the order of decoding: of pictures with B-frames (ISO/IEC 14496-10) the one that
 * is shown last comes first.
 */
export class CaptureClock {
  /** Unix milliseconds less media time: the least of this stretch of time and of the one before it. */
  #leastMs = Number.POSITIVE_INFINITY;
  #formerMs = Number.POSITIVE_INFINITY;
  #stretchMs: number | undefined;

  /**
   * @param mediaS of a sample, as it is shown
   * @param wallMs when it came, Unix milliseconds
   * @param nowMs monotonic
   */
  onArrival(mediaS: number, wallMs: number, nowMs: number): void {
    this.#stretchMs ??= nowMs;
    const sinceMs = nowMs - this.#stretchMs;
    if (sinceMs >= MEMORY_MS) {
      // What is older than two of them is no longer true: the camera paused.
      this.#formerMs = sinceMs < 2 * MEMORY_MS ? this.#leastMs : Number.POSITIVE_INFINITY;
      this.#leastMs = Number.POSITIVE_INFINITY;
      this.#stretchMs = nowMs;
    }
    this.#leastMs = Math.min(this.#leastMs, wallMs - mediaS * 1000);
  }

  /** Unix milliseconds. Not to be asked before the first arrival. */
  captureMs(mediaS: number): number {
    return Math.round(Math.min(this.#leastMs, this.#formerMs) + mediaS * 1000);
  }
}
