/** Beyond this the recording has a hole, or the camera's clock was set. */
const MAX_DEVIATION_MS = 200;
/** Daylight saving moves clocks by an hour; one island by half of it. */
const HALF_HOUR_MS = 30 * 60_000;
/** A clock that was set also drifts, and is read with a fraction. */
const CLOCK_SET_MS = 2_000;
/** Pictures further apart on the RTP clock are not next to each other. */
const NEXT_MS = 10_000;

/** Times of one track of a replay: ticks from the NTP times of the packets, whose gaps the RTP clock closes. */
export class ReplayTimes {
  /** The camera's clock was set during the recording by this, which is taken out. */
  shiftMs = 0;
  readonly #originMs: number;
  readonly #clockRate: number;
  readonly #isVideo: boolean;
  #timestamp = -1;
  #ticks = Number.NaN;

  /** @param originMs the camera's time of ticks 0, Unix milliseconds */
  constructor(originMs: number, clockRate: number, isVideo: boolean) {
    this.#originMs = originMs;
    this.#clockRate = clockRate;
    this.#isVideo = isVideo;
  }

  /** The camera's time of a tick, as its clock was at the start of the replay. */
  unixMsOf(ticks: number): number {
    return this.#originMs + (ticks * 1000) / this.#clockRate;
  }

  /**
   * Ticks of a packet. @param timestamp of its RTP header
   * @param unixMs of its extension; NaN: it has none
   * @param isHole the recording has a hole before it
   * @returns NaN before the first packet with a time
   */
  ticksOf(timestamp: number, unixMs: number, isHole: boolean): number {
    if (timestamp === this.#timestamp) {
      return this.#ticks;
    }
    // Signed: pictures may come out of their order.
    const stepTicks = (timestamp - this.#timestamp) | 0;
    const byClock = this.#ticks + stepTicks;
    this.#timestamp = timestamp;
    if (Number.isNaN(unixMs)) {
      this.#ticks = byClock;
      return byClock;
    }
    const stated = (): number => Math.round(((unixMs + this.shiftMs - this.#originMs) * this.#clockRate) / 1000);
    let ticks = stated();
    if (!Number.isNaN(byClock)) {
      const aheadMs = ((ticks - byClock) * 1000) / this.#clockRate;
      const halfHours = Math.round(aheadMs / HALF_HOUR_MS);
      const isNext = Math.abs(stepTicks) * 1000 < NEXT_MS * this.#clockRate;
      if (!isHole && isNext && halfHours !== 0 && Math.abs(aheadMs - halfHours * HALF_HOUR_MS) < CLOCK_SET_MS) {
        this.shiftMs -= halfHours * HALF_HOUR_MS;
        ticks = stated();
      }
      // Sound is continuous; its stated times are rounded.
      const isNear = Math.abs(ticks - byClock) * 1000 <= MAX_DEVIATION_MS * this.#clockRate;
      ticks = isNear && !this.#isVideo ? byClock : ticks;
    }
    this.#ticks = ticks;
    return ticks;
  }
}
