/** Writes bits, most significant first, into a buffer that is used again and again. */
export class BitWriter {
  readonly #bytes: Uint8Array;
  #length = 0;
  /** Bits that do not fill a byte yet. */
  #rest = 0;
  #restBits = 0;

  /** @param capacityBytes never exceeded: the encoder chooses a form that fits before it writes it */
  constructor(capacityBytes: number) {
    this.#bytes = new Uint8Array(capacityBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** The bytes that are full; valid until the next `clear`. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  clear(): void {
    this.#length = 0;
    this.#rest = 0;
    this.#restBits = 0;
  }

  /** @param count at most 24 */
  put(value: number, count: number): void {
    this.#rest = (this.#rest << count) | (value & ((1 << count) - 1));
    this.#restBits += count;
    while (this.#restBits >= 8) {
      this.#restBits -= 8;
      this.#bytes[this.#length] = this.#rest >> this.#restBits;
      this.#length += 1;
    }
    this.#rest &= (1 << this.#restBits) - 1;
  }

  /** `zeros` zero bits and a one. */
  unary(zeros: number): void {
    let left = zeros;
    while (left > 23) {
      this.put(0, 24);
      left -= 24;
    }
    this.put(1, left + 1);
  }

  align(): void {
    if (this.#restBits > 0) {
      this.put(0, 8 - this.#restBits);
    }
  }
}
