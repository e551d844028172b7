/** A clock that was set, or a sender's that is believed from now on: to follow it slowly would take many minutes. */
const STEP_MS = 100;

/**
 * Where a track stands on the wall clock, as its sender reports tell it. Players put the track to another place with each report, ffmpeg
 * those of several tracks even backwards; so what was told once moves slowly, as what is known of the sender's delay gets better.
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
      this.#offsetMs += Math.max(-reachMs, Math.min(reachMs, awayMs));
    } else {
      this.#offsetMs = wallMs - mediaMs;
    }
    return this.#offsetMs;
  }
}
