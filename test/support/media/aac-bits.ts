import type { Codebook } from '../../../agent/media/aac/decode/codebooks.ts';

/** Writes frames of AAC bit by bit, and code by code. */
export class Bits {
  readonly #bytes: number[] = [];
  #count = 0;

  put(value: number, size: number): void {
    for (let bit = size - 1; bit >= 0; bit -= 1) {
      if (this.#count % 8 === 0) {
        this.#bytes.push(0);
      }
      const last = this.#bytes.length - 1;
      this.#bytes[last] = (this.#bytes[last] ?? 0) | (((value >> bit) & 1) << (7 - (this.#count % 8)));
      this.#count += 1;
    }
  }

  code(book: Codebook, symbol: number): void {
    const [code, size] = codesOf(book)[symbol] as readonly [number, number];
    this.put(code, size);
  }

  align(): void {
    this.#count = 8 * this.#bytes.length;
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

const codes = new Map<Codebook, (readonly [code: number, size: number])[]>();

/** Codes by symbol. */
function codesOf(book: Codebook): readonly (readonly [code: number, size: number])[] {
  const known = codes.get(book);
  if (known) {
    return known;
  }
  const made: (readonly [number, number])[] = [];
  let code = 0;
  let place = 0;
  for (const [i, count] of book.codesOfLength.entries()) {
    for (let left = count; left > 0; left -= 1) {
      made[book.symbols[place] as number] = [code, i + 1];
      code += 1;
      place += 1;
    }
    code *= 2;
  }
  codes.set(book, made);
  return made;
}
