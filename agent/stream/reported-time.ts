/** A larger error means that a clock was set; the offset follows it at once. */
const STEP_MS = 1_000;
/** Tolerated error: two tracks with opposite errors stay below the perceptible 45 ms (ITU-R BT.1359-1). */
const UNSEEN_MS = 20;

/**
 * A track's offset to the wall clock, as its sender reports state it. With each of them players move the track, ffmpeg
 * backwards too; so a reported offset stays while the error is imperceptible, and then moves slowly. At a stream's start it may be off by
 * the length of the sender's first burst, and so is a reader's time of capture for a while.
 */
export class ReportedTime {
  /** Unix milliseconds at which media time is 0, as reported. */
  #offsetMs = Number.NaN;

  /**
   * @param mediaMs a sample's pts
   * @param wallMs its capture, Unix
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
