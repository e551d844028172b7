import { MTU_BYTES } from './packet.ts';

const SLOTS = 32;
const SLOT_MASK = SLOTS - 1;
/** Size of the ring; libsrt's buffers hold as many. It divides 2^31: the ring wraps with the sequence numbers. */
const MAX_PACKETS = 8_192;
const SLABS = MAX_PACKETS / SLOTS;
/** The largest window: no slab holds both of its ends. */
export const MAX_WINDOW = MAX_PACKETS - SLOTS;

/** 32 consecutive packets, 48 kB. */
interface PacketSlab {
  readonly bytes: Buffer;
  /** Payload size of each packet, in bytes; 0: no packet. */
  readonly sizes: Uint16Array;
  /** Sender: time at which the packet was submitted; receiver: unwrapped time stamp. In µs. */
  readonly timesUs: Float64Array;
  /** Sender: time of the last transmission, in µs; 0: never. */
  readonly sentUs: Float64Array;
  /** Sender: the packet is lost. Receiver: the packet cannot be decrypted. */
  readonly marks: Uint8Array;
}

export const slotOf = (sequence: number): number => sequence & SLOT_MASK;
export const offsetOf = (sequence: number): number => (sequence & SLOT_MASK) * MTU_BYTES;

/**
 * Packets by sequence number in memory that follows the use: a slab is allocated with its first packet and reused after its last.
 * The window that the owner uses has at most `MAX_WINDOW`.
 */
export class PacketRing {
  readonly #slabs: (PacketSlab | undefined)[] = Array.from({ length: SLABS });
  readonly #free: PacketSlab[] = [];

  /** The slab of a packet, or undefined if none of its packets has been stored. */
  find(sequence: number): PacketSlab | undefined {
    return this.#slabs[(sequence & (MAX_PACKETS - 1)) >>> 5];
  }

  take(sequence: number): PacketSlab {
    const index = (sequence & (MAX_PACKETS - 1)) >>> 5;
    const slab = this.#slabs[index] ?? this.#free.pop() ?? newSlab();
    this.#slabs[index] = slab;
    return slab;
  }

  /** Called for every sequence number in order. */
  release(sequence: number): void {
    const index = (sequence & (MAX_PACKETS - 1)) >>> 5;
    const slab = this.#slabs[index];
    if (!slab) {
      return;
    }
    const slot = slotOf(sequence);
    slab.sizes[slot] = 0;
    slab.marks[slot] = 0;
    slab.sentUs[slot] = 0;
    if (slot === SLOT_MASK) {
      this.#slabs[index] = undefined;
      if (this.#free.length < 2) {
        this.#free.push(slab);
      }
    }
  }
}

const newSlab = (): PacketSlab => ({
  bytes: Buffer.allocUnsafeSlow(SLOTS * MTU_BYTES),
  sizes: new Uint16Array(SLOTS),
  timesUs: new Float64Array(SLOTS),
  sentUs: new Float64Array(SLOTS),
  marks: new Uint8Array(SLOTS),
});
