/**
 * Bytes of a packet's slot, a multiple of 16. At most 1,218 are used: header 12, original sequence number of a retransmission 2,
 * payload 1,188, tag 16.
 */
export const SLOT_BYTES = 1_232;

/**
 * Memory for a batch of packets: packet i starts at byte `SLOT_BYTES · i`. C code reads it by pointer, so it is
 * allocated once.
 */
export class PacketMemory {
  readonly packets: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  /** Bytes of each packet. */
  readonly lengths: Uint16Array<ArrayBuffer>;

  constructor(packets: number) {
    this.packets = packets;
    this.bytes = new Uint8Array(SLOT_BYTES * packets);
    this.words = new Uint32Array(this.bytes.buffer);
    this.view = new DataView(this.bytes.buffer);
    this.lengths = new Uint16Array(packets);
  }
}
