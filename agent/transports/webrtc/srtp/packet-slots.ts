/** A header, a full payload and a tag; a multiple of 16 bytes. */
const SLOT_BYTES = 1_232;
const SLOTS = 4_096;

/** Buffers for SRTP packets. A datagram may wait in libuv's queue, so a slot is reused only 4,096 packets later. */
export class PacketSlots {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly view: DataView;
  readonly #slots: number;
  #next = 0;

  constructor(slots = SLOTS) {
    this.#slots = slots;
    this.bytes = new Uint8Array(SLOT_BYTES * slots);
    this.words = new Uint32Array(this.bytes.buffer);
    this.view = new DataView(this.bytes.buffer);
  }

  /** The byte offset of the next slot, a multiple of 16. */
  take(): number {
    const slot = this.#next;
    this.#next = (slot + 1) % this.#slots;
    return slot * SLOT_BYTES;
  }
}
