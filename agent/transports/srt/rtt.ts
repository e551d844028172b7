const INITIAL_RTT_US = 100_000;
const INITIAL_VARIANCE_US = 50_000;
/** Interval of full ACKs. */
export const SYN_US = 10_000;

/** Round-trip time, §4.10. */
export class RoundTrip {
  rttUs = INITIAL_RTT_US;
  varianceUs = INITIAL_VARIANCE_US;
  #hasSample = false;

  /** The first sample replaces the initial value, as in libsrt. */
  add(sampleUs: number): void {
    if (!this.#hasSample) {
      this.#hasSample = true;
      this.rttUs = sampleUs;
      this.varianceUs = sampleUs / 2;
      return;
    }
    this.varianceUs += (Math.abs(sampleUs - this.rttUs) - this.varianceUs) / 4;
    this.rttUs += (sampleUs - this.rttUs) / 8;
  }

  get nakIntervalUs(): number {
    return Math.max((this.rttUs + 4 * this.varianceUs) / 2, 20_000);
  }

  /** Retransmission timeout, §5.1.2. */
  get timeoutUs(): number {
    return this.rttUs + 4 * this.varianceUs + 2 * SYN_US;
  }
}
