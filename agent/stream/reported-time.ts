/** Beyond this a clock was set: to follow it slowly would take hours. */
const STEP_MS = 1_000;
/** Two tracks, each off by so much the other way, are still no further apart than anybody notices (ITU-R BT.1359-1: 45 ms). */
const UNSEEN_MS = 20;

/**
 * Where a track stands on the wall clock, as its sender reports tell it. With each of them players put the track to another place, ffmpeg
 * backwards too; so what was told once stays as long as nobody would notice, and moves slowly then. At a stream's start it may be off by
 * as much as the sender's first burst was long: whoever reads the time of capture is that much wrong for a while.
 */
export class ReportedTime {
  /** Unix milliseconds at which media time is 0, as told. */
  #offsetMs = Number.NaN;

  /**
   * @param mediaMs a sample's pts
   * @param wallMs its capture, Unix
   * @param reachMs how far what was told may be moved for it
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
