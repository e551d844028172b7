/** What can be sent again: more than a second of 20 Mbit/s, and the largest key frames. */
const CAPACITY = 4_096;
const MASK = CAPACITY - 1;

/**
 * Which packets of the stream a viewer was sent on one SSRC, by its own numbering: packet index n lies in slot n mod 4,096.
 * Nothing is allocated per packet.
 */
export class SentHistory {
  /** Numbers in `RtpPackets`, and the RTP time (before the track's offset) that they were sent with. */
  readonly #packets = new Float64Array(CAPACITY);
  readonly #timestamps = new Uint32Array(CAPACITY);
  readonly #firstIndex: number;
  #nextIndex: number;

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
  }

  /** @param sequence as a NACK names it, the low 16 bits of an index; @returns the newest such index that is remembered, -1: none */
  indexOf(sequence: number): number {
    const behind = (this.#nextIndex - 1 - sequence) & 0xffff;
    const index = this.#nextIndex - 1 - behind;
    return behind <= MASK && index >= this.#firstIndex ? index : -1;
  }

  packetOf(index: number): number {
    return this.#packets[index % CAPACITY] as number;
  }

  timestampOf(index: number): number {
    return this.#timestamps[index % CAPACITY] as number;
  }
}
