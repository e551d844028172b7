/** Bits per second of a byte counter, smoothed over a few seconds. */
export class RateMeter {
  #lastBytes = 0;
  #lastMs: number | undefined;
  #bitsPerSecond = 0;

  get bitsPerSecond(): number {
    return Math.round(this.#bitsPerSecond);
  }

  /** @param bytes the counter; a lower value than before: it has restarted */
  tick(bytes: number, monoMs: number): void {
    if (this.#lastMs !== undefined && monoMs > this.#lastMs) {
      const grown = bytes >= this.#lastBytes ? bytes - this.#lastBytes : bytes;
      const now = (grown * 8000) / (monoMs - this.#lastMs);
      // Smooths seconds with a key frame, which have more bytes. The half-life is about two ticks.
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
