/** Room for a header, a full payload and a tag, and a multiple of 16 bytes. */
const SLOT_BYTES = 1_232;
const SLOT_COUNT = 4_096;

/** Where SRTP packets are built: a datagram may wait in libuv's queue, so a slot is used again only 4,096 packets later. */
export class PacketSlots {
  readonly bytes = new Uint8Array(SLOT_BYTES * SLOT_COUNT);
  readonly words = new Uint32Array(this.bytes.buffer);
  readonly view = new DataView(this.bytes.buffer);
  #next = 0;

  /** The byte offset of the next slot, a multiple of 16. */
  take(): number {
    const slot = this.#next;
    this.#next = (slot + 1) % SLOT_COUNT;
    return slot * SLOT_BYTES;
  }
}
