import { type PacketMemory, SLOT_BYTES } from '../../../native/packet-memory.ts';

const SLOTS = 4_096;

/** Copies of packets that wait in libuv's queue: a slot is reused only 4,096 packets later. */
export class QueuedPackets {
  /** Allocated with the first packet. */
  bytes = new Uint8Array(0);
  #words = new Uint32Array(0);
  #next = 0;

  /** @returns the byte offset of the copy of packet `i` */
  put({ words, lengths }: PacketMemory, i: number): number {
    if (this.bytes.length === 0) {
      this.bytes = new Uint8Array(SLOT_BYTES * SLOTS);
      this.#words = new Uint32Array(this.bytes.buffer);
    }
    const slot = SLOT_BYTES * this.#next;
    this.#next = (this.#next + 1) % SLOTS;
    const to = slot >>> 2;
    const from = (SLOT_BYTES * i) >>> 2;
    const count = ((lengths[i] as number) + 3) >>> 2;
    for (let w = 0; w < count; w += 1) {
      this.#words[to + w] = words[from + w] as number;
    }
    return slot;
  }
}
