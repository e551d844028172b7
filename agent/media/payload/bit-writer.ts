/** Writes bits, most significant first, into a buffer that `reset` reuses. */
export class BitWriter {
  readonly bytes: Uint8Array;
  /** Whole bytes written. */
  length = 0;
  /** Bits of the incomplete byte. */
  #rest = 0;
  #restBits = 0;

  /** @param capacityBytes limit of the caller */
  constructor(capacityBytes: number) {
    this.bytes = new Uint8Array(capacityBytes);
  }

  reset(): void {
    this.length = 0;
    this.#rest = 0;
    this.#restBits = 0;
  }

  /** @param count at most 24 */
  bits(value: number, count: number): void {
    this.#rest = (this.#rest << count) | (value & ((1 << count) - 1));
    this.#restBits += count;
    while (this.#restBits >= 8) {
      this.#restBits -= 8;
      this.bytes[this.length] = this.#rest >> this.#restBits;
      this.length += 1;
    }
    this.#rest &= (1 << this.#restBits) - 1;
  }

  /** `zeros` zero bits and a one. */
  unary(zeros: number): void {
    let left = zeros;
    while (left > 23) {
      this.bits(0, 24);
      left -= 24;
    }
    this.bits(1, left + 1);
  }

  /** Fills the last byte with zeros. */
  align(): void {
    if (this.#restBits > 0) {
      this.bits(0, 8 - this.#restBits);
    }
  }
}
