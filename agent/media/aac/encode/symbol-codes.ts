import type { BitWriter } from '../../payload/bit-writer.ts';
import {
  type Codebook,
  ESCAPE,
  ESCAPE_BOOK,
  LARGEST_VALUES,
  LAST_BOOK_OF_FOUR,
  SIGNED_BOOKS,
} from '../decode/codebooks.ts';

/** The code of each symbol of a book. */
export class SymbolCodes {
  readonly #lengths: Uint8Array;
  readonly #codes: Uint32Array;

  constructor({ codesOfLength, symbols }: Codebook) {
    this.#lengths = new Uint8Array(symbols.length);
    this.#codes = new Uint32Array(symbols.length);
    let code = 0;
    let place = 0;
    for (const [i, count] of codesOfLength.entries()) {
      for (let left = count; left > 0; left -= 1, place += 1, code += 1) {
        const symbol = symbols[place] as number;
        this.#lengths[symbol] = i + 1;
        this.#codes[symbol] = code;
      }
      code *= 2;
    }
  }

  bitsOf(symbol: number): number {
    return this.#lengths[symbol] as number;
  }

  write(bits: BitWriter, symbol: number): void {
    bits.bits(this.#codes[symbol] as number, this.#lengths[symbol] as number);
  }
}

/** Writes coefficients with one of the books 1 to 11, ISO/IEC 14496-3 §4.6.3.3. */
export class SpectralCodes {
  readonly #codes: SymbolCodes;
  readonly #isSigned: boolean;
  readonly #hasEscapes: boolean;
  readonly #valuesPerCode: 2 | 4;
  readonly #largest: number;
  readonly #base: number;

  /** @param number 1 to 11 */
  constructor(number: number, codebook: Codebook) {
    this.#codes = new SymbolCodes(codebook);
    this.#isSigned = SIGNED_BOOKS.includes(number);
    this.#hasEscapes = number === ESCAPE_BOOK;
    this.#valuesPerCode = number <= LAST_BOOK_OF_FOUR ? 4 : 2;
    this.#largest = LARGEST_VALUES[number - 1] as number;
    this.#base = this.#isSigned ? 2 * this.#largest + 1 : this.#largest + 1;
  }

  /** The bits of `values[from, to)`, which the book must be able to express. */
  bitsOf(values: Int16Array, from: number, to: number): number {
    let total = 0;
    for (let at = from; at < to; at += this.#valuesPerCode) {
      total += this.#codes.bitsOf(this.#symbolAt(values, at));
    }
    if (this.#isSigned) {
      return total;
    }
    for (let at = from; at < to; at += 1) {
      const size = Math.abs(values[at] as number);
      total += size === 0 ? 0 : 1;
      total += this.#hasEscapes && size >= ESCAPE ? 2 * escapeOnes(size) + 5 : 0;
    }
    return total;
  }

  write(bits: BitWriter, values: Int16Array, from: number, to: number): void {
    for (let at = from; at < to; at += this.#valuesPerCode) {
      this.#codes.write(bits, this.#symbolAt(values, at));
      for (let i = at; !this.#isSigned && i < at + this.#valuesPerCode; i += 1) {
        const value = values[i] as number;
        if (value !== 0) {
          bits.bits(value < 0 ? 1 : 0, 1);
        }
      }
      for (let i = at; this.#hasEscapes && i < at + this.#valuesPerCode; i += 1) {
        writeEscape(bits, Math.abs(values[i] as number));
      }
    }
  }

  /** Its digits are the values, the first one most significant. */
  #symbolAt(values: Int16Array, at: number): number {
    let symbol = 0;
    for (let i = at; i < at + this.#valuesPerCode; i += 1) {
      const value = values[i] as number;
      const digit = this.#isSigned ? value + this.#largest : Math.min(Math.abs(value), this.#largest);
      symbol = symbol * this.#base + digit;
    }
    return symbol;
  }
}

/** Leading ones of an escape: the number has this many bits and four. */
const escapeOnes = (size: number): number => 27 - Math.clz32(size);

/** escape_sequence: the length of the number in ones, a zero, the number without its highest bit. */
function writeEscape(bits: BitWriter, size: number): void {
  if (size < ESCAPE) {
    return;
  }
  const ones = escapeOnes(size);
  bits.bits((2 << ones) - 2, ones + 1);
  bits.bits(size, ones + 4);
}
