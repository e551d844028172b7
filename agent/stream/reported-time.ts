/** Beyond this a clock was set: to follow it slowly would take hours. */
const STEP_MS = 1_000;
/** Nobody hears or sees sound and picture this far apart (ITU-R BT.1359-1). */
const UNSEEN_MS = 40;

/**
 * Where a track stands on the wall clock, as its sender reports tell it. With each of them players put the track to another place, ffmpeg
 * backwards too; so what was told once stays as long as nobody would notice, and moves slowly then. At a stream's start it may be off by as much as its sender's first burst: by that
 * alone who reads the time of capture is wrong for a while.
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
