import { PerchError } from '../../../base/errors.ts';
import type { FrameBits } from './bits.ts';
import type { HuffmanDecoder } from './huffman.ts';

/** Largest absolute value of each book, ISO/IEC 14496-3 table 4.151; 16 in book 11 is an escape. */
const LARGEST = [1, 1, 2, 2, 4, 4, 7, 7, 12, 12, 16];
/** Books of four values to a code; the others have two. */
const LAST_OF_FOUR = 4;
const SIGNED = [1, 2, 5, 6];
const ESCAPE_BOOK = 11;
const ESCAPE = 16;
const MAX_ESCAPE_PREFIX = 8;

/** Reads coefficients that are coded with one of the books 1 to 11 (§4.6.3.3). */
export class SpectralBook {
  readonly #codes: HuffmanDecoder;
  readonly #isSigned: boolean;
  readonly #hasEscapes: boolean;
  readonly #valuesPerCode: 2 | 4;
  /** The values of each symbol. */
  readonly #values: Int8Array;

  /** @param number 1 to 11 */
  constructor(number: number, codes: HuffmanDecoder) {
    const largest = LARGEST[number - 1] as number;
    this.#codes = codes;
    this.#isSigned = SIGNED.includes(number);
    this.#hasEscapes = number === ESCAPE_BOOK;
    this.#valuesPerCode = number <= LAST_OF_FOUR ? 4 : 2;
    // A symbol is its values as the digits of a number, the first one highest.
    const base = this.#isSigned ? 2 * largest + 1 : largest + 1;
    const offset = this.#isSigned ? largest : 0;
    const count = base ** this.#valuesPerCode * this.#valuesPerCode;
    this.#values = Int8Array.from({ length: count }, (_, i) => {
      const digit = this.#valuesPerCode - 1 - (i % this.#valuesPerCode);
      const symbol = Math.floor(i / this.#valuesPerCode);
      return (Math.floor(symbol / base ** digit) % base) - offset;
    });
  }

  /** Fills `[from, to)`, which is a whole number of codes: bands are multiples of four wide. */
  read(bits: FrameBits, out: Int16Array, from: number, to: number): void {
    const perCode = this.#valuesPerCode;
    const values = this.#values;
    for (let at = from; at < to; at += perCode) {
      const symbol = this.#codes.next(bits) * perCode;
      for (let i = 0; i < perCode; i += 1) {
        out[at + i] = values[symbol + i] as number;
      }
      if (!this.#isSigned) {
        readSigns(bits, out, at, at + perCode);
      }
      if (this.#hasEscapes) {
        readEscape(bits, out, at);
        readEscape(bits, out, at + 1);
      }
    }
  }
}

/** A bit for each value that is not zero. */
function readSigns(bits: FrameBits, out: Int16Array, from: number, to: number): void {
  for (let at = from; at < to; at += 1) {
    const value = out[at] as number;
    if (value !== 0 && bits.bits(1) === 1) {
      out[at] = -value;
    }
  }
}

/** Ones and a zero say how many bits the number has (escape_sequence, §4.6.3.3). */
function readEscape(bits: FrameBits, out: Int16Array, at: number): void {
  const value = out[at] as number;
  if (value !== ESCAPE && value !== -ESCAPE) {
    return;
  }
  let ones = 0;
  while (bits.bits(1) === 1) {
    ones += 1;
    if (ones > MAX_ESCAPE_PREFIX) {
      throw new PerchError('badInput', `AAC escape of more than ${MAX_ESCAPE_PREFIX} leading ones`);
    }
  }
  const magnitude = (1 << (ones + 4)) + bits.bits(ones + 4);
  out[at] = value < 0 ? -magnitude : magnitude;
}
