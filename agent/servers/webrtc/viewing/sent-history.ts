/** What can be sent again: more than a second of 20 Mbit/s, and the largest key frames. */
const CAPACITY = 4_096;
const MASK = CAPACITY - 1;

/**
 * Which packets of the stream a viewer was sent on one SSRC, by its own numbering: packet index n lies in slot n mod 4,096.
 * Nothing is allocated per packet; 32 kB for each viewer.
 */
export class SentHistory {
  /** Numbers in `RtpPackets` modulo 2^32, and the RTP time (before the track's offset) that they were sent with. */
  readonly #packets = new Uint32Array(CAPACITY);
  readonly #timestamps = new Uint32Array(CAPACITY);
  readonly #firstIndex: number;
  #nextIndex: number;
  /** The highest number of a packet; replays send lower ones again. */
  #highest = 0;

  /** @param firstIndex the 48-bit index of the first packet */
  constructor(firstIndex: number) {
    this.#firstIndex = firstIndex;
    this.#nextIndex = firstIndex;
  }

  /** The next packet index was used for this packet of the stream. */
  add(packet: number, timestamp: number): void {
    const slot = this.#nextIndex % CAPACITY;
    this.#packets[slot] = packet;
    this.#timestamps[slot] = timestamp;
    this.#nextIndex += 1;
    this.#highest = Math.max(this.#highest, packet);
  }

  /** @param sequence as a NACK names it, the low 16 bits of an index; @returns the newest such index that is remembered, -1: none */
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
