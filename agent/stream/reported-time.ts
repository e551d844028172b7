/** Beyond this a clock was set: to follow it slowly would take hours. */
const STEP_MS = 1_000;
/** Two tracks, each off by so much the other way, are still no further apart than anybody notices (ITU-R BT.1359-1: 45 ms). */
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
   * @param reachMs how far the reported offset may be moved for it
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
