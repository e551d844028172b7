/** Bits per second of a byte counter, smoothed over a few seconds. Read by being ticked, so that counting costs nothing. */
export class RateMeter {
  #lastBytes = 0;
  #lastMs: number | undefined;
  #bitsPerSecond = 0;

  get bitsPerSecond(): number {
    return Math.round(this.#bitsPerSecond);
  }

  /** @param bytes the counter; one that is lower than before has started over */
  tick(bytes: number, monoMs: number): void {
    if (this.#lastMs !== undefined && monoMs > this.#lastMs) {
      const grown = bytes >= this.#lastBytes ? bytes - this.#lastBytes : bytes;
      const now = (grown * 8000) / (monoMs - this.#lastMs);
      // A camera's key frame makes one second in some heavier: half-life of about two ticks.
      this.#bitsPerSecond = this.#bitsPerSecond === 0 ? now : 0.7 * this.#bitsPerSecond + 0.3 * now;
    }
    this.#lastBytes = bytes;
    this.#lastMs = monoMs;
  }

  reset(): void {
    this.#lastBytes = 0;
    this.#lastMs = undefined;
    this.#bitsPerSecond = 0;
  }
}
