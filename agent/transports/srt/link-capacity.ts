import { addSequence } from './packet.ts';

/** Packet pairs: a sender sends the next packet at once after every sixteenth one. */
const PROBE_MASK = 0x0f;
const SHARE_OF_NEW = 1 / 16;

/** The capacity of the link, by the interval between a pair of packets. */
export class LinkCapacity {
  #firstUs = -1;
  #firstSequence = -1;
  #intervalUs = 0;

  /** A data packet has arrived. */
  add(sequence: number, nowUs: number): void {
    if ((sequence & PROBE_MASK) === 0) {
      this.#firstUs = nowUs;
      this.#firstSequence = sequence;
    } else if ((sequence & PROBE_MASK) === 1 && sequence === addSequence(this.#firstSequence, 1)) {
      const intervalUs = nowUs - this.#firstUs;
      this.#intervalUs += (intervalUs - this.#intervalUs) * (this.#intervalUs === 0 ? 1 : SHARE_OF_NEW);
      this.#firstSequence = -1;
    }
  }

  /** Capacity in packets per second; 0: not known. */
  get packetsPerSecond(): number {
    return this.#intervalUs < 1 ? 0 : Math.round(1_000_000 / this.#intervalUs);
  }
}
