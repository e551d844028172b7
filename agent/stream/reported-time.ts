/** A larger error means that a clock was set; the offset follows it at once. */
const STEP_MS = 1_000;
/** Tolerated error: two tracks with opposite errors stay below the perceptible 45 ms (ITU-R BT.1359-1). */
const UNSEEN_MS = 20;

/**
 * A track's offset to the wall clock, as its sender reports state it. Players shift the track at each report, ffmpeg even backwards. So
 * the reported offset stays while its error is imperceptible, and then changes slowly. At the start of a stream it may be wrong by the
 * length of the sender's first burst; readers then compute wrong capture times for a while.
 */
export class ReportedTime {
  /** Unix milliseconds at which media time is 0, as reported. */
  #offsetMs = Number.NaN;

  /**
   * @param mediaMs a sample's pts
   * @param wallMs its capture time, Unix milliseconds
   * @param reachMs largest change of the reported offset
   * @returns Unix milliseconds at which media time is 0
   */
  offsetMs(mediaMs: number, wallMs: number, reachMs: number): number {
    const awayMs = wallMs - mediaMs - this.#offsetMs;
    if (Math.abs(awayMs) <= STEP_MS) {
      this.#offsetMs += Math.sign(awayMs) * Math.max(0, Math.min(reachMs, Math.abs(awayMs) - UNSEEN_MS));
    } else {
      this.#offsetMs = wallMs - mediaMs;
    }
    return this.#offsetMs;
  }
}
