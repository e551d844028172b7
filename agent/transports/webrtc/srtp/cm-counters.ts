const BLOCK_BYTES = 16;

// The buffer is shared by all keys: filled and used within one call.
// Blocks of a batch: 64 packets of 1,188 bytes.
const bytes = new Uint8Array(64 * 75 * BLOCK_BYTES);
const words = new Uint32Array(bytes.buffer);
const view = new DataView(bytes.buffer);

/**
 * Counter blocks that AES encrypts to key stream: `salt XOR ssrc XOR index`, with a block number in the last 16 bits
 * (RFC 3711 §4.1.1).
 */
export class CmCounters {
  readonly #salt: DataView;

  constructor(salt: Uint8Array) {
    this.#salt = new DataView(salt.buffer, salt.byteOffset, salt.byteLength);
  }

  /** @param at first byte, a multiple of 16 @param blocks 1 to 255: the number fits in the last byte */
  write(at: number, blocks: number, ssrc: number, index: number): void {
    const salt = this.#salt;
    view.setUint32(at, salt.getUint32(0));
    view.setUint32(at + 4, salt.getUint32(4) ^ ssrc);
    view.setUint32(at + 8, salt.getUint32(8) ^ Math.floor(index / 65_536));
    view.setUint32(at + 12, (salt.getUint16(12) ^ (index % 65_536)) << 16);
    const first = at >>> 2;
    const w0 = words[first] as number;
    const w1 = words[first + 1] as number;
    const w2 = words[first + 2] as number;
    const w3 = words[first + 3] as number;
    for (let block = 1; block < blocks; block += 1) {
      const word = first + 4 * block;
      words[word] = w0;
      words[word + 1] = w1;
      words[word + 2] = w2;
      words[word + 3] = w3;
      bytes[at + BLOCK_BYTES * block + 15] = block;
    }
  }

  /** The first blocks, a view. */
  first(blocks: number): Uint8Array {
    return bytes.subarray(0, blocks * BLOCK_BYTES);
  }
}
