/** Packets in the history: more than a second of 20 Mbit/s, and the largest key frames. */
const CAPACITY = 4_096;
const MASK = CAPACITY - 1;

/**
 * The packets sent to a viewer on one SSRC: packet index n is in slot n mod 4,096. Allocates nothing per packet; 32 kB
 * per viewer.
 */
export class SentHistory {
  /** Packet numbers in `RtpPackets` modulo 2^32, and the RTP times (before the track's offset) they were sent with. */
  readonly #packets = new Uint32Array(CAPACITY);
  readonly #timestamps = new Uint32Array(CAPACITY);
  readonly #firstIndex: number;
  #nextIndex: number;
  /** The highest packet number; replays send lower ones again. */
  #highest = 0;

  /** @param firstIndex 48-bit index of the first packet */
  constructor(firstIndex: number) {
    this.#firstIndex = firstIndex;
    this.#nextIndex = firstIndex;
  }

  add(packet: number, timestamp: number): void {
    const slot = this.#nextIndex % CAPACITY;
    this.#packets[slot] = packet;
    this.#timestamps[slot] = timestamp;
    this.#nextIndex += 1;
    this.#highest = Math.max(this.#highest, packet);
  }

  /**
   * @param sequence from a NACK: the low 16 bits of an index
   * @returns the newest such index in the history; -1: none
   */
  indexOf(sequence: number): number {
    const behind = (this.#nextIndex - 1 - sequence) & 0xffff;
    const index = this.#nextIndex - 1 - behind;
    return behind <= MASK && index >= this.#firstIndex ? index : -1;
  }

  packetOf(index: number): number {
    return this.#highest - ((this.#highest - (this.#packets[index % CAPACITY] as number)) >>> 0);
  }

  timestampOf(index: number): number {
    return this.#timestamps[index % CAPACITY] as number;
  }
}
