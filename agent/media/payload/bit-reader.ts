import { PerchError } from '../../base/errors.ts';

/**
 * Reads bits, most significant first, of `data[start, end)`.
 * In NAL units it skips emulation prevention bytes (00 00 **03**, ITU-T H.264 §7.4.1.1), so nothing is copied.
 * `reset` reuses an instance. Throws a PerchError past the end.
 */
export class BitReader {
  #data: Uint8Array;
  #start: number;
  #at: number;
  #end: number;
  #isEscaped: boolean;
  #byte = 0;
  #bitsLeft = 0;
  #zeros = 0;

  /** @param isEscaped the data is a NAL unit with emulation prevention bytes */
  constructor(data: Uint8Array, start: number, end: number, isEscaped: boolean) {
    this.#data = data;
    this.#start = start;
    this.#at = start;
    this.#end = end;
    this.#isEscaped = isEscaped;
  }

  reset(data: Uint8Array, start: number, end: number): void {
    this.#data = data;
    this.#start = start;
    this.#at = start;
    this.#end = end;
    this.#bitsLeft = 0;
    this.#zeros = 0;
  }

  /** Bits read, including emulation prevention bytes. */
  get positionBits(): number {
    return 8 * (this.#at - this.#start) - this.#bitsLeft;
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  /** An unsigned number of 0 to 32 bits. */
  bits(count: number): number {
    let value = 0;
    let wanted = count;
    while (wanted > 0) {
      if (this.#bitsLeft === 0) {
        this.#nextByte();
      }
      const take = Math.min(wanted, this.#bitsLeft);
      this.#bitsLeft -= take;
      const part = (this.#byte >> this.#bitsLeft) & ((1 << take) - 1);
      // A shift would make 32 bits negative; `2 ** take` calls libm for each byte.
      value = value * (1 << take) + part;
      wanted -= take;
    }
    return value;
  }

  skip(count: number): void {
    let left = count;
    while (left > 0) {
      this.bits(Math.min(left, 32));
      left -= 32;
    }
  }

  /** ue(v), H.264 §9.1: at most 32 leading zeros, so at most 2^33 - 2. */
  ue(): number {
    let zeros = 0;
    while (this.bits(1) === 0) {
      zeros += 1;
      if (zeros > 32) {
        throw new PerchError('badInput', 'exp-Golomb code has more than 32 leading zeros');
      }
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** ue(v) with a limit; `name` is for the error message. */
  ueUpTo(limit: number, name: string): number {
    const value = this.ue();
    if (value > limit) {
      throw new PerchError('badInput', `${name} is ${value}, at most ${limit} allowed`);
    }
    return value;
  }

  /** se(v), H.264 §9.1.1. */
  se(): number {
    const code = this.ue();
    return code % 2 === 1 ? (code + 1) / 2 : 0 - code / 2;
  }

  #nextByte(): void {
    if (this.#isEscaped && this.#zeros >= 2 && this.#at < this.#end && this.#data[this.#at] === 3) {
      this.#at += 1;
      this.#zeros = 0;
    }
    if (this.#at >= this.#end) {
      throw new PerchError('badInput', 'bits end too early');
    }
    const byte = this.#data[this.#at] as number;
    this.#at += 1;
    this.#zeros = byte === 0 ? this.#zeros + 1 : 0;
    this.#byte = byte;
    this.#bitsLeft = 8;
  }
}
