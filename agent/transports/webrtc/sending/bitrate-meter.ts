/** Long enough to average out a key frame every few seconds. */
const SPREAD_MS = 8_000;

/** The growth rate of a byte counter, averaged over some seconds. */
export class BitrateMeter {
  bitsPerSecond = 0;
  #bytes: number;
  #atMs: number;
  #weight = 0;

  constructor(bytes: number, nowMs: number) {
    this.#bytes = bytes;
    this.#atMs = nowMs;
  }

  update(bytes: number, nowMs: number): void {
    const sinceMs = nowMs - this.#atMs;
    if (sinceMs <= 0) {
      return;
    }
    const now = ((bytes - this.#bytes) * 8_000) / sinceMs;
    this.#bytes = bytes;
    this.#atMs = nowMs;
    // An average of all seconds so far, later a sliding one.
    this.#weight = Math.min(this.#weight + sinceMs, SPREAD_MS);
    this.bitsPerSecond += (now - this.bitsPerSecond) * (sinceMs / this.#weight);
  }
}
