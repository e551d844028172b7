import { PerchError } from '../../../base/errors.ts';

/** Whole numbers from 0 to 2^53 in groups of 7 bits, lowest first: the usual small numbers take one byte. */
export class VarintWriter {
  #bytes = new Uint8Array(256);
  #count = 0;

  get sizeBytes(): number {
    return this.#count;
  }

  /** The written bytes: a view, valid until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#count);
  }

  push(value: number): void {
    if (this.#count + 8 > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#count] = (rest % 0x80) | 0x80;
      this.#count += 1;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#count] = rest;
    this.#count += 1;
  }

  /** Signed numbers (zigzag): 0, -1, 1, -2, … become 0, 1, 2, 3, … */
  pushSigned(value: number): void {
    this.push(value < 0 ? -2 * value - 1 : 2 * value);
  }
}

/** Reads numbers written by `VarintWriter`. */
export class VarintReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Bytes left: the upper bound of entries in any list. */
  get leftBytes(): number {
    return this.#bytes.length - this.#at;
  }

  /** @throws PerchError if the number is incomplete or exceeds 2^53 */
  next(): number {
    const at = this.#at;
    const first = this.#bytes[at] as number;
    if (first < 0x80) {
      this.#at = at + 1;
      return first;
    }
    const second = this.#bytes[at + 1] as number;
    if (second < 0x80) {
      this.#at = at + 2;
      return (first & 0x7f) | (second << 7);
    }
    const third = this.#bytes[at + 2] as number;
    if (third < 0x80) {
      this.#at = at + 3;
      return (first & 0x7f) | ((second & 0x7f) << 7) | (third << 14);
    }
    return this.#nextLong();
  }

  #nextLong(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 0x80) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) {
        throw new PerchError('badInput', `sample table of ${this.#bytes.length} bytes is cut short`);
      }
      this.#at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80 && value <= 2 ** 53) {
        return value;
      }
    }
    throw new PerchError('badInput', 'sample table has a number beyond 2^53');
  }

  nextSigned(): number {
    const value = this.next();
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }
}
