import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';
import { keyIdOf } from './key-text.ts';
import { BLOCK_BYTES, HEADER_BYTES, headerOf, NONCE_BYTES, TAG_BYTES } from './layout.ts';

const CIPHER = 'aes-256-gcm';
const AES_KEY_BYTES = 32;
const NONCE_KEY_BYTES = 32;

/**
 * Encrypts the blocks of one object. Its keys follow from the key of the box and the object's name, so that objects cannot
 * be exchanged. Number and end of the object are authenticated with each block, so that blocks cannot be moved or cut off.
 * The nonce is a keyed hash of all that (a synthetic IV): the same recording gives the same bytes after a power cut, and
 * other bytes never share a nonce.
 */
export class ObjectCipher {
  readonly header: Buffer;
  readonly #key: Buffer;
  readonly #nonceKey: Buffer;
  /** Authenticated data of a block: header, number of the block (32 bits), 1 for the last block. */
  readonly #terms = Buffer.alloc(HEADER_BYTES + 5);

  /** @param name name of the object, beginning with the id of its box */
  constructor(key: Uint8Array, name: string) {
    // Node's HKDF takes at most 1,024 bytes.
    const info = `perch archive 1\n${createHash('sha256').update(name).digest('hex')}`;
    const keys = Buffer.from(hkdfSync('sha256', key, '', info, AES_KEY_BYTES + NONCE_KEY_BYTES));
    this.#key = keys.subarray(0, AES_KEY_BYTES);
    this.#nonceKey = keys.subarray(AES_KEY_BYTES);
    this.header = headerOf(keyIdOf(key));
    this.#terms.set(this.header);
  }

  /** Writes a whole block, with the header if it is the first. @returns the end of the written bytes */
  seal(content: Uint8Array, block: number, isLast: boolean, target: Uint8Array, at: number): number {
    const terms = this.#termsOf(block, isLast);
    const nonce = createHmac('sha256', this.#nonceKey).update(terms).update(content).digest().subarray(0, NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#key, nonce).setAAD(terms);
    const start = at + headBytes(block);
    if (block === 0) {
      target.set(this.header, at);
    }
    target.set(nonce, start);
    target.set(cipher.update(content), start + NONCE_BYTES);
    cipher.final();
    const end = start + NONCE_BYTES + content.length;
    target.set(cipher.getAuthTag(), end);
    return end + TAG_BYTES;
  }

  /** @param stored the whole block @returns undefined if it is not what was encrypted with this key at this place */
  open(stored: Uint8Array, block: number, isLast: boolean): Buffer | undefined {
    const start = headBytes(block);
    const end = stored.length - TAG_BYTES;
    const isHeaderGood = block > 0 || this.header.equals(stored.subarray(0, HEADER_BYTES));
    if (end < start + NONCE_BYTES || stored.length > BLOCK_BYTES || !isHeaderGood) {
      return undefined;
    }
    const decipher = createDecipheriv(CIPHER, this.#key, stored.subarray(start, start + NONCE_BYTES));
    decipher.setAAD(this.#termsOf(block, isLast)).setAuthTag(stored.subarray(end));
    try {
      const content = decipher.update(stored.subarray(start + NONCE_BYTES, end));
      decipher.final();
      return content;
    } catch {
      // GCM fails only for bytes that do not authenticate.
      return undefined;
    }
  }

  #termsOf(block: number, isLast: boolean): Buffer {
    this.#terms.writeUInt32BE(block, HEADER_BYTES);
    this.#terms[HEADER_BYTES + 4] = isLast ? 1 : 0;
    return this.#terms;
  }
}

const headBytes = (block: number): number => (block === 0 ? HEADER_BYTES : 0);
