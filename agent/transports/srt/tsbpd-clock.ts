const DRIFT_SAMPLES = 1_000;
/** The largest drift that is kept as such: a larger one moves the base at once. */
const MAX_DRIFT_US = 5_000;

/** Times at which received packets are due: Timestamp-Based Packet Delivery, draft-sharabayko-srt §4.5. */
export class TsbpdClock {
  readonly #latencyUs: number;
  #baseUs: number;
  /** The newest time stamp, unwrapped, in µs. */
  #lastUs: number;
  #firstRttUs = -1;
  #driftSumUs = 0;
  #samples = 0;
  #driftUs = 0;

  /** @param timestamp of the handshake that arrived at `nowUs` */
  constructor(nowUs: number, timestamp: number, latencyMs: number) {
    this.#latencyUs = latencyMs * 1000;
    this.#lastUs = timestamp;
    this.#baseUs = nowUs - timestamp;
  }

  get driftUs(): number {
    return this.#driftUs;
  }

  /** Unwraps a time stamp: time stamps wrap at 2^32 µs, 71.6 minutes. */
  unwrap(timestamp: number): number {
    const us = this.#near(timestamp);
    if (us > this.#lastUs) {
      this.#lastUs = us;
    }
    return us;
  }

  /** @param timeUs unwrapped */
  dueUs(timeUs: number): number {
    return this.#baseUs + timeUs + this.#latencyUs + this.#driftUs;
  }

  /** Takes the time stamp of an ACKACK: the sender's clock half a round trip ago. */
  sample(timestamp: number, nowUs: number, rttUs: number): void {
    if (this.#firstRttUs < 0) {
      this.#firstRttUs = rttUs;
    }
    const transitUs = (rttUs - this.#firstRttUs) / 2;
    this.#driftSumUs += nowUs - this.#baseUs - this.#near(timestamp) - transitUs;
    this.#samples += 1;
    if (this.#samples < DRIFT_SAMPLES) {
      return;
    }
    const driftUs = this.#driftSumUs / this.#samples;
    const excessUs = Math.abs(driftUs) > MAX_DRIFT_US ? driftUs : 0;
    this.#baseUs += excessUs;
    this.#driftUs = driftUs - excessUs;
    this.#driftSumUs = 0;
    this.#samples = 0;
  }

  #near(timestamp: number): number {
    return this.#lastUs + ((timestamp - (this.#lastUs % 2 ** 32)) | 0);
  }
}
