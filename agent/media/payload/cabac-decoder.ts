import { PerchError } from '../../base/errors.ts';

/** rangeTabLps, H.264 table 9-44 and H.265 table 9-46: four values for each pStateIdx. */
// biome-ignore format: a table of the standard
const RANGES = [
  128, 176, 208, 240, 128, 167, 197, 227, 128, 158, 187, 216, 123, 150, 178, 205, 116, 142, 169, 195, 111, 135, 160, 185,
  105, 128, 152, 175, 100, 122, 144, 166, 95, 116, 137, 158, 90, 110, 130, 150, 85, 104, 123, 142, 81, 99, 117, 135,
  77, 94, 111, 128, 73, 89, 105, 122, 69, 85, 100, 116, 66, 80, 95, 110, 62, 76, 90, 104, 59, 72, 86, 99,
  56, 69, 81, 94, 53, 65, 77, 89, 51, 62, 73, 85, 48, 59, 69, 80, 46, 56, 66, 76, 43, 53, 63, 72,
  41, 50, 59, 69, 39, 48, 56, 65, 37, 45, 54, 62, 35, 43, 51, 59, 33, 41, 48, 56, 32, 39, 46, 53,
  30, 37, 43, 50, 29, 35, 41, 48, 27, 33, 39, 45, 26, 31, 37, 43, 24, 30, 35, 41, 23, 28, 33, 39,
  22, 27, 32, 37, 21, 26, 30, 35, 20, 24, 29, 33, 19, 23, 27, 31, 18, 22, 26, 30, 17, 21, 25, 28,
  16, 20, 23, 27, 15, 19, 22, 25, 14, 18, 21, 24, 14, 17, 20, 23, 13, 16, 19, 22, 12, 15, 18, 21,
  12, 14, 17, 20, 11, 14, 16, 19, 11, 13, 15, 18, 10, 12, 15, 17, 10, 12, 14, 16, 9, 11, 13, 15,
  9, 11, 12, 14, 8, 10, 12, 14, 8, 9, 11, 13, 7, 9, 11, 12, 7, 9, 10, 12, 7, 8, 10, 11,
  6, 8, 9, 11, 6, 7, 9, 10, 6, 7, 8, 9, 2, 2, 2, 2,
];
/** transIdxLps, H.264 table 9-45 and H.265 table 9-47. */
// biome-ignore format: a table of the standard
const AFTER_LPS = [
  0, 0, 1, 2, 2, 4, 4, 5, 6, 7, 8, 9, 9, 11, 11, 12, 13, 13, 15, 15, 16, 16, 18, 18, 19, 19, 21, 21, 22, 22, 23, 24,
  24, 25, 26, 26, 27, 27, 28, 29, 29, 30, 30, 30, 31, 32, 32, 33, 33, 33, 34, 34, 35, 35, 35, 36, 36, 36, 37, 37, 37, 38, 38, 63,
];

export const LPS_RANGES = Uint8Array.from(RANGES);
// The next state, for pStateIdx × 2 + valMps.
export const NEXT_LPS = Uint8Array.from({ length: 128 }, (_, state) => {
  const mps = state < 2 ? (state & 1) ^ 1 : state & 1;
  return 2 * (AFTER_LPS[state >> 1] ?? 0) + mps;
});
export const NEXT_MPS = Uint8Array.from({ length: 128 }, (_, state) => (state < 124 ? state + 2 : state));

/** Bits of ivlOffset. */
const OFFSET_BITS = 9;
/** Least bits kept after ivlOffset: enough for the longest renormalization and the bins of `bypassBits`. */
const MIN_MORE = 8;

/** Limit of the bits of an exp-Golomb suffix: no value of the standards has more. */
const MAX_SUFFIX_BITS = 24;

/** The arithmetic decoding engine, H.264 §9.3.1.2 and §9.3.3.2, H.265 §9.3.4.3, on bytes without emulation prevention. */
export class CabacDecoder {
  /** pStateIdx × 2 + valMps of each context. */
  readonly states: Uint8Array;
  #data: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #range = 0;
  /** ivlOffset, with `#more` bits that follow it. */
  #value = 0;
  #more = 0;

  constructor(contexts: number) {
    this.states = new Uint8Array(contexts);
  }

  begin(data: Uint8Array, at: number, end: number): void {
    this.#data = data;
    this.#at = at;
    this.#end = end;
    this.#range = 510;
    this.#value = 0;
    this.#more = -OFFSET_BITS;
    this.#fill();
  }

  /** Bits read so far, without those read ahead. */
  get positionBits(): number {
    return 8 * this.#at - this.#more;
  }

  /** Whether bits after the end of the data were read. */
  get isPastEnd(): boolean {
    return this.positionBits > 8 * this.#end;
  }

  bin(context: number): number {
    const state = this.states[context] as number;
    const lps = LPS_RANGES[((state >> 1) << 2) | ((this.#range >> 6) & 3)] as number;
    const range = this.#range - lps;
    const scaled = range << this.#more;
    if (this.#value < scaled) {
      this.states[context] = NEXT_MPS[state] as number;
      if (range < 256) {
        this.#range = range << 1;
        this.#more -= 1;
        if (this.#more < MIN_MORE) {
          this.#fill();
        }
      } else {
        this.#range = range;
      }
      return state & 1;
    }
    this.states[context] = NEXT_LPS[state] as number;
    this.#value -= scaled;
    const shift = Math.clz32(lps) - 23;
    this.#range = lps << shift;
    this.#more -= shift;
    if (this.#more < MIN_MORE) {
      this.#fill();
    }
    return (state & 1) ^ 1;
  }

  bypass(): number {
    this.#more -= 1;
    const scaled = this.#range << this.#more;
    const bin = this.#value >= scaled ? 1 : 0;
    if (bin === 1) {
      this.#value -= scaled;
    }
    if (this.#more < MIN_MORE) {
      this.#fill();
    }
    return bin;
  }

  /** @param count of bins, at most 8 */
  bypassBits(count: number): number {
    this.#more -= count;
    const scaled = this.#range << this.#more;
    const bins = (this.#value / scaled) | 0;
    this.#value -= bins * scaled;
    if (this.#more < MIN_MORE) {
      this.#fill();
    }
    // Only damaged data has an offset beyond its range.
    return bins & ((1 << count) - 1);
  }

  /** @param count of bins, at most 32 */
  bypassMany(count: number): number {
    let value = 0;
    for (let left = count; left > 0; left -= 8) {
      const part = Math.min(left, 8);
      value = value * (1 << part) + this.bypassBits(part);
    }
    return value;
  }

  /** An exp-Golomb suffix of order `k`, H.264 §9.3.2.3 and H.265 §9.3.3.5. */
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
    return value + this.bypassMany(bits);
  }

  /**
   * Reads end_of_slice_flag, end_of_slice_segment_flag, end_of_subset_one_bit or pcm_flag. After a 1 the last bit read is the stop bit, or
   * the one before the zero bits of the alignment.
   */
  terminate(): number {
    this.#range -= 2;
    if (this.#value >= this.#range << this.#more) {
      return 1;
    }
    if (this.#range < 256) {
      this.#range <<= 1;
      this.#more -= 1;
      if (this.#more < MIN_MORE) {
        this.#fill();
      }
    }
    return 0;
  }

  /** Begins again after the alignment and `count` further bits. */
  restart(count: number): void {
    this.begin(this.#data, Math.ceil((this.positionBits + count) / 8), this.#end);
  }

  /** After `terminate` has returned 1: whether only the alignment and cabac_zero_words follow. */
  get isAtEnd(): boolean {
    const last = this.positionBits - 1;
    let at = last >> 3;
    if (at >= this.#end || (((this.#data[at] as number) << (last & 7)) & 0xff) !== 0x80) {
      return false;
    }
    for (at += 1; at < this.#end; at += 1) {
      if (this.#data[at] !== 0) {
        return false;
      }
    }
    return true;
  }

  #fill(): void {
    while (this.#more < MIN_MORE) {
      const byte = this.#at < this.#end ? (this.#data[this.#at] as number) : 0;
      this.#value = (this.#value << 8) | byte;
      this.#at += 1;
      this.#more += 8;
    }
  }
}
