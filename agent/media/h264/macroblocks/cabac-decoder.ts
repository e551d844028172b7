import { PerchError } from '../../../base/errors.ts';
import { CONTEXTS, LPS_RANGES, NEXT_LPS, NEXT_MPS, resetContexts } from './cabac-tables.ts';

/** codIOffset has so many bits. */
const OFFSET_BITS = 9;
/** Bits of an exp-Golomb suffix: no value of the standard has more. */
const MAX_SUFFIX_BITS = 24;

/** The arithmetic decoding engine, H.264 §9.3.1.2 and §9.3.3.2, on bytes without emulation prevention. */
export class CabacDecoder {
  readonly #states = new Uint8Array(CONTEXTS);
  #data = new Uint8Array(0);
  #at = 0;
  #range = 0;
  /** codIOffset, with `#more` bits that follow it. */
  #value = 0;
  #more = 0;

  resetContexts(model: number, qp: number): void {
    resetContexts(this.#states, model, qp);
  }

  /** @param data with zeros after its end */
  begin(data: Uint8Array<ArrayBuffer>, at: number): void {
    this.#data = data;
    this.#at = at + 3;
    this.#range = 510;
    this.#value = ((data[at] as number) << 16) | ((data[at + 1] as number) << 8) | (data[at + 2] as number);
    this.#more = 24 - OFFSET_BITS;
  }

  /** Bits read, as the standard reads them. */
  get positionBits(): number {
    return 8 * this.#at - this.#more;
  }

  bin(context: number): number {
    const state = this.#states[context] as number;
    const lps = LPS_RANGES[((state >> 1) << 2) | ((this.#range >> 6) & 3)] as number;
    const range = this.#range - lps;
    const scaled = range << this.#more;
    if (this.#value < scaled) {
      this.#states[context] = NEXT_MPS[state] as number;
      if (range < 256) {
        this.#range = range << 1;
        this.#advance(1);
      } else {
        this.#range = range;
      }
      return state & 1;
    }
    this.#states[context] = NEXT_LPS[state] as number;
    this.#value -= scaled;
    const shift = Math.clz32(lps) - 23;
    this.#range = lps << shift;
    this.#advance(shift);
    return (state & 1) ^ 1;
  }

  bypass(): number {
    this.#advance(1);
    const scaled = this.#range << this.#more;
    if (this.#value < scaled) {
      return 0;
    }
    this.#value -= scaled;
    return 1;
  }

  /** end_of_slice_flag, and the bin of I_PCM. After a 1 the last bit read is the stop bit of the slice, or precedes the alignment. */
  terminate(): number {
    this.#range -= 2;
    if (this.#value >= this.#range << this.#more) {
      return 1;
    }
    if (this.#range < 256) {
      this.#range <<= 1;
      this.#advance(1);
    }
    return 0;
  }

  /** An exp-Golomb suffix of order `k`, §9.3.2.3. */
  suffix(k: number): number {
    let value = 0;
    let bits = k;
    while (this.bypass() === 1) {
      value += 1 << bits;
      bits += 1;
      if (bits > MAX_SUFFIX_BITS) {
        throw new PerchError('badInput', `exp-Golomb suffix has more than ${MAX_SUFFIX_BITS} bits`);
      }
    }
    while (bits > 0) {
      bits -= 1;
      value += this.bypass() << bits;
    }
    return value;
  }

  #advance(bits: number): void {
    this.#more -= bits;
    if (this.#more < 0) {
      this.#value =
        (this.#value << 16) | ((this.#data[this.#at] as number) << 8) | (this.#data[this.#at + 1] as number);
      this.#at += 2;
      this.#more += 16;
    }
  }
}
