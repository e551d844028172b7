import type { CipherFunctions } from './functions.ts';

// `OSSL_PARAM` of 64-bit systems, in 32-bit words: name, data type, data, their size, the returned size.
const NAME_WORD = 0;
const TYPE_WORD = 2;
const DATA_WORD = 4;
const SIZE_WORD = 6;
const PARAM_WORDS = 10;
const OSSL_PARAM_OCTET_STRING = 5;

/** A list of one octet string for OpenSSL, OSSL_PARAM(3). What OpenSSL reads by pointer is a field, except the data. */
export class CipherParameter {
  /** For the calls that take a list. */
  readonly pointer: bigint;
  readonly #name: Uint8Array;
  /** The second parameter has no name and ends the list. */
  readonly #words = new Uint32Array(2 * PARAM_WORDS);

  /** @param size in bytes, 64 bits */
  constructor({ pointerTo }: Pick<CipherFunctions, 'pointerTo'>, name: string, size: bigint) {
    this.#name = new TextEncoder().encode(`${name}\0`);
    const pointers = new BigUint64Array(this.#words.buffer);
    pointers[NAME_WORD / 2] = pointerTo(this.#name);
    pointers[SIZE_WORD / 2] = size;
    this.#words[TYPE_WORD] = OSSL_PARAM_OCTET_STRING;
    this.pointer = pointerTo(this.#words);
  }

  /** @param address of the data: of user space, which has 47 or 48 bits, exact as a number */
  setAddress(address: number): void {
    this.#words[DATA_WORD] = address % 2 ** 32;
    this.#words[DATA_WORD + 1] = Math.floor(address / 2 ** 32);
  }
}
