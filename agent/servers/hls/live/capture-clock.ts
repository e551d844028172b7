/**
 * An early arrival counts for one to two times this long. A camera clock that drifts by 0.1 ms per second is then off
 * by 1 ms at most.
 */
const MEMORY_MS = 5_000;

/**
 * Maps media time to capture time, by the earliest of the recent arrivals. A single arrival is wrong by its delay and,
 * with B-frames (ISO/IEC 14496-10), by the reordering.
 */
export class CaptureClock {
  /** Minimum of Unix milliseconds minus media time in the current and the previous interval. */
  #minMs = Number.POSITIVE_INFINITY;
  #formerMs = Number.POSITIVE_INFINITY;
  #stretchMs: number | undefined;

  /** @param mediaS presentation time @param wallMs arrival, Unix milliseconds @param nowMs monotonic */
  onArrival(mediaS: number, wallMs: number, nowMs: number): void {
    this.#stretchMs ??= nowMs;
    const sinceMs = nowMs - this.#stretchMs;
    if (sinceMs >= MEMORY_MS) {
      // Values before a pause of the camera are no longer valid.
      this.#formerMs = sinceMs < 2 * MEMORY_MS ? this.#minMs : Number.POSITIVE_INFINITY;
      this.#minMs = Number.POSITIVE_INFINITY;
      this.#stretchMs = nowMs;
    }
    this.#minMs = Math.min(this.#minMs, wallMs - mediaS * 1000);
  }

  /** Unix milliseconds. Valid after the first arrival. */
  captureMs(mediaS: number): number {
    return Math.round(Math.min(this.#minMs, this.#formerMs) + mediaS * 1000);
  }
}
