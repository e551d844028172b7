/** 2^32: the first ticks of a track, so that timestamps a little before the first are not negative. */
const START = 2 ** 32;

/** Turns RTP timestamps that wrap at 2^32 into ticks that do not; steps of up to 2^31 either way are taken as they are. */
export class TickUnwrapper {
  #lastTimestamp = -1;
  #lastTicks = START;

  unwrap(timestamp: number): number {
    if (this.#lastTimestamp < 0) {
      this.#lastTicks = START + timestamp;
    } else {
      // `| 0` makes the difference a signed 32-bit number: the shorter way round.
      this.#lastTicks += (timestamp - this.#lastTimestamp) | 0;
    }
    this.#lastTimestamp = timestamp;
    return this.#lastTicks;
  }

  /** The ticks of a timestamp near the last one, which stays the last. */
  near(timestamp: number): number {
    return this.#lastTimestamp < 0 ? START + timestamp : this.#lastTicks + ((timestamp - this.#lastTimestamp) | 0);
  }
}
