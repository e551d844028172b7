/** A larger step between two packets' delays is a jump of the sender's timestamps, not jitter. */
const MAX_JITTER_MS = 10_000;

/** Interarrival jitter, RFC 3550 appendix A.8, by the first packet of each sample: the others share its timestamp, and their delay would count as jitter. */
export class Jitter {
  /** RTP timestamp of the last packet with a new one; -1: none to compare with. */
  #timestamp = -1;
  #transitTicks = 0;
  #sixteenths = 0;

  get ticks(): number {
    return this.#sixteenths >> 4;
  }

  /** The next timestamp is of another clock. */
  restart(): void {
    this.#timestamp = -1;
  }

  push(timestamp: number, atMs: number, clockRate: number): void {
    if (timestamp === this.#timestamp) {
      return;
    }
    // `| 0`: differences are modulo 2^32.
    const transitTicks = (((atMs * clockRate) / 1000) | 0) - timestamp;
    if (this.#timestamp >= 0) {
      const step = Math.abs((transitTicks - this.#transitTicks) | 0);
      if (step * 1000 <= MAX_JITTER_MS * clockRate) {
        this.#sixteenths += step - ((this.#sixteenths + 8) >> 4);
      }
    }
    this.#timestamp = timestamp;
    this.#transitTicks = transitTicks;
  }
}
