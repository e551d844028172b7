/** Long enough for a key frame every few seconds to be spread over the pictures between. */
const SPREAD_MS = 8_000;

/** The rate at which a counter of bytes grows, averaged over some seconds. */
export class BitRate {
  bitsPerSecond = 0;
  #bytes: number;
  #atMs: number;
  #weight = 0;

  constructor(bytes: number, nowMs: number) {
    this.#bytes = bytes;
    this.#atMs = nowMs;
  }

  /** To be called about once a second. */
  update(bytes: number, nowMs: number): void {
    const sinceMs = nowMs - this.#atMs;
    if (sinceMs <= 0) {
      return;
    }
    const now = ((bytes - this.#bytes) * 8_000) / sinceMs;
    this.#bytes = bytes;
    this.#atMs = nowMs;
    // At first the average of all seconds so far, later a sliding one.
    this.#weight = Math.min(this.#weight + sinceMs, SPREAD_MS);
    this.bitsPerSecond += (now - this.bitsPerSecond) * (sinceMs / this.#weight);
  }
}
