/** Timestamps that stay the same for this many units are stuck. */
const STUCK_UNITS = 25;
/** Some senders repeat one timestamp when they start. */
const FORGIVEN_UNITS = 200;

/** Gives units times by their arrival while the camera repeats its timestamps. */
export class ArrivalTimes {
  readonly #rtpClockRate: number;
  readonly #isVideo: boolean;
  readonly #isActive: boolean;
  // The last unit's decode time in ticks, its monotonic time of arrival, and its decode time with the ticks that `push` added.
  #lastDts = Number.NEGATIVE_INFINITY;
  #lastAtMs = 0;
  #lastSpread = Number.NEGATIVE_INFINITY;
  #usualStep = Number.POSITIVE_INFINITY;
  /** Units in a row with the same timestamp. */
  #stuckUnits = 0;
  #unitsSinceRepeat = FORGIVEN_UNITS;

  /** @param isActive false: equal times are kept */
  constructor(rtpClockRate: number, isVideo: boolean, isActive: boolean) {
    this.#rtpClockRate = rtpClockRate;
    this.#isVideo = isVideo;
    this.#isActive = isActive;
  }

  /** Whether one of the last timestamps was repeated. */
  get hasRepeated(): boolean {
    return this.#unitsSinceRepeat < FORGIVEN_UNITS;
  }

  get isStuck(): boolean {
    return this.#stuckUnits >= STUCK_UNITS;
  }

  /**
   * @param atMs monotonic time of arrival
   * @param offsetMs monotonic capture time of ticks 0
   * @returns ticks to add to the unit's times
   */
  push(ptsTicks: number, dtsTicks: number, atMs: number, offsetMs: number): number {
    const step = dtsTicks - this.#lastDts;
    const arrivedStep = this.#ticksOf(atMs - this.#lastAtMs);
    this.#lastDts = dtsTicks;
    this.#lastAtMs = atMs;
    // `DecodeTimes` separates pictures with equal times by one tick.
    const isRepeated = step <= (this.#isVideo ? 1 : 0) && this.#isActive && ptsTicks === dtsTicks;
    this.#unitsSinceRepeat = isRepeated ? 0 : this.#unitsSinceRepeat + 1;
    if (isRepeated) {
      this.#stuckUnits += 1;
      const farthest = this.isStuck ? Number.POSITIVE_INFINITY : this.#lastSpread + this.#usualStep;
      const least = this.#lastSpread + Math.ceil(this.#ticksOf(1));
      const arrived = Math.round(this.#ticksOf(atMs - offsetMs));
      this.#lastSpread = Math.max(least, Math.min(arrived, farthest));
      return this.#lastSpread - dtsTicks;
    }
    this.#stuckUnits = 0;
    this.#usualStep = step;
    if (dtsTicks > this.#lastSpread) {
      this.#lastSpread = dtsTicks;
      return 0;
    }
    // The times given to repeated units are ahead of the camera's: they advance at half speed until the camera catches up.
    this.#lastSpread += Math.max(1, Math.round(Math.min(step, arrivedStep) / 2));
    return this.#lastSpread - dtsTicks;
  }

  #ticksOf(ms: number): number {
    return (ms * this.#rtpClockRate) / 1000;
  }
}
