import { PerchError } from '../../base/errors.ts';
import { LPS_RANGES, NEXT_LPS, NEXT_MPS } from './cabac-states.ts';

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
