import { PerchError } from '../../../base/errors.ts';
import type { FrameBits } from './bits.ts';
import type { Codebook } from './codebooks.ts';

/** Codes up to this length use one table look-up; longer ones are rare. */
const QUICK_BITS = 9;

/** Decodes the codes of one book. */
export class HuffmanDecoder {
  /** By the first QUICK_BITS bits: symbol << 4 | length; 0: the code is longer. */
  readonly #quick = new Uint16Array(1 << QUICK_BITS);
  readonly #symbols: Uint16Array;
  /** By length: the code after its last one, and that code's index in `#symbols`. */
  readonly #ends: Uint32Array;
  readonly #places: Uint16Array;
  readonly #maxBits: number;

  constructor(book: Codebook) {
    this.#symbols = Uint16Array.from(book.symbols);
    this.#maxBits = book.codesOfLength.length;
    this.#ends = new Uint32Array(this.#maxBits + 1);
    this.#places = new Uint16Array(this.#maxBits + 1);
    let code = 0;
    let place = 0;
    for (const [i, count] of book.codesOfLength.entries()) {
      const length = i + 1;
      for (let left = count; left > 0 && length <= QUICK_BITS; left -= 1) {
        const start = (code + count - left) << (QUICK_BITS - length);
        const symbol = this.#symbols[place + count - left] as number;
        this.#quick.fill((symbol << 4) | length, start, start + (1 << (QUICK_BITS - length)));
      }
      code += count;
      place += count;
      this.#ends[length] = code;
      this.#places[length] = place;
      code *= 2;
    }
  }

  /** The index of the next code, as its table numbers it. */
  next(bits: FrameBits): number {
    const entry = this.#quick[bits.peek(QUICK_BITS)] as number;
    if (entry !== 0) {
      bits.skip(entry & 15);
      return entry >> 4;
    }
    return this.#nextLong(bits);
  }

  #nextLong(bits: FrameBits): number {
    for (let length = QUICK_BITS + 1; length <= this.#maxBits; length += 1) {
      const code = bits.peek(length);
      const beforeEnd = (this.#ends[length] as number) - code;
      if (beforeEnd > 0) {
        bits.skip(length);
        return this.#symbols[(this.#places[length] as number) - beforeEnd] as number;
      }
    }
    throw new PerchError('badInput', 'AAC frame has bits that are no code');
  }
}
