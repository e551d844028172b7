import { type Cipheriv, createCipheriv } from 'node:crypto';
import { MAX_PAYLOAD_BYTES } from './packet.ts';

const BLOCK_BYTES = 16;
const MAX_BLOCKS = Math.ceil(MAX_PAYLOAD_BYTES / BLOCK_BYTES);
/** Offset of the sequence number in the counter block: after the zeros, before the block counter (§6.1.2). */
const SEQUENCE_AT = 10;
const COUNTER_AT = 14;

/**
 * AES in counter mode with one stream encrypting key. A long-lived AES-ECB cipher encrypts the counters: creating a native cipher
 * object for each packet costs more than encrypting it.
 */
export class PayloadCipher {
  readonly #cipher: Cipheriv;
  readonly #salt: Uint8Array;
  readonly #counters = Buffer.alloc(MAX_BLOCKS * BLOCK_BYTES);

  constructor(key: Uint8Array, salt: Uint8Array) {
    this.#cipher = createCipheriv(`aes-${8 * key.length}-ecb`, key, null).setAutoPadding(false);
    this.#salt = salt;
    for (let block = 0; block < MAX_BLOCKS; block += 1) {
      this.#counters.set(salt.subarray(0, COUNTER_AT), block * BLOCK_BYTES);
      this.#counters.writeUInt16BE(block, block * BLOCK_BYTES + COUNTER_AT);
    }
  }

  /** Encrypts or decrypts in place: `bytes[start, end)`. */
  apply(sequence: number, bytes: Uint8Array, start: number, end: number): void {
    const counters = this.#counters;
    const salt = this.#salt;
    const blocks = (end - start + BLOCK_BYTES - 1) >>> 4;
    const a = (salt[SEQUENCE_AT] as number) ^ (sequence >>> 24);
    const b = (salt[SEQUENCE_AT + 1] as number) ^ ((sequence >>> 16) & 0xff);
    const c = (salt[SEQUENCE_AT + 2] as number) ^ ((sequence >>> 8) & 0xff);
    const d = (salt[SEQUENCE_AT + 3] as number) ^ (sequence & 0xff);
    for (let at = SEQUENCE_AT, last = blocks * BLOCK_BYTES; at < last; at += BLOCK_BYTES) {
      counters[at] = a;
      counters[at + 1] = b;
      counters[at + 2] = c;
      counters[at + 3] = d;
    }
    const stream = this.#cipher.update(counters.subarray(0, blocks * BLOCK_BYTES));
    for (let from = 0, to = start; to < end; from += 1, to += 1) {
      bytes[to] = (bytes[to] as number) ^ (stream[from] as number);
    }
  }
}
