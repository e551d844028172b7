import { PerchError } from '../../../base/errors.ts';
import {
  CHROMA_DC_COEFF_TOKENS,
  CHROMA_DC_ZEROS_TABLES,
  COEFF_TOKENS,
  INTER_PATTERNS,
  INTRA_PATTERNS,
  RUN_TABLES,
  TOTAL_ZEROS_TABLES,
} from './cavlc-tables.ts';
import { CATEGORY, type MacroblockSyntax } from './macroblock-types.ts';
import type { PictureState } from './picture-state.ts';

/** Total coefficients of the blocks of a macroblock: luma by y × 4 + x, Cb, Cr. */
const COUNTS = 24;
const CHROMA_COUNT = 16;
const PCM_BITS = 384 * 8;
const MAX_REF = 31;

/** Syntax elements in CAVLC, H.264 §9.1 and §9.2. */
export class CavlcSyntax implements MacroblockSyntax {
  positionBits = 0;
  readonly #state: PictureState;
  readonly #counts: Uint8Array;
  #data = new Uint8Array(0);
  #endBits = 0;
  /** Macroblocks that are skipped still; -1: mb_skip_run comes next. */
  #run = -1;

  constructor(state: PictureState) {
    this.#state = state;
    this.#counts = new Uint8Array(COUNTS * state.columns * state.rows);
  }

  beginPicture(): void {
    this.#counts.fill(0);
  }

  begin(data: Uint8Array<ArrayBuffer>, at: number, endBits: number): void {
    this.#data = data;
    this.positionBits = at;
    this.#endBits = endBits;
    this.#run = -1;
  }

  isSkipped(): boolean {
    if (this.#run < 0) {
      this.#run = this.#ue();
    }
    this.#run -= 1;
    return this.#run >= 0;
  }

  isLast(): boolean {
    return this.#run <= 0 && this.positionBits >= this.#endBits;
  }

  typeOf(): number {
    return this.#ue();
  }

  subType(): number {
    return this.#ue();
  }

  ref(_list: number, _x: number, _y: number, _width: number, _height: number, entries: number): number {
    const ref = entries === 2 ? 1 - this.#bits(1) : this.#ue();
    if (ref > MAX_REF) {
      throw new PerchError('badInput', `ref_idx is ${ref}, at most ${MAX_REF} allowed`);
    }
    return ref;
  }

  difference(): number {
    return this.#se();
  }

  transform8x8(): boolean {
    return this.#bits(1) === 1;
  }

  intraMode(): void {
    if (this.#bits(1) === 0) {
      this.positionBits += 3;
    }
  }

  chromaMode(): void {
    this.#ue();
  }

  pattern(isIntra: boolean): number {
    const code = this.#ue();
    const pattern = (isIntra ? INTRA_PATTERNS : INTER_PATTERNS)[code];
    if (pattern === undefined) {
      throw new PerchError('badInput', `coded_block_pattern is ${code}, at most 47 allowed`);
    }
    return pattern;
  }

  qpDelta(): number {
    return this.#se();
  }

  noDelta(): void {}

  skipPcm(): void {
    const first = COUNTS * this.#state.mb;
    this.#counts.fill(16, first, first + COUNTS);
    this.positionBits = ((this.positionBits + 7) & ~7) + PCM_BITS;
  }

  lumaBlock(category: number, x: number, y: number): boolean {
    const { mb } = this.#state;
    const first = COUNTS * mb;
    const total = this.#levels(this.#predictedCount(0, 4, x, y), category === CATEGORY.ac ? 15 : 16);
    if (category !== CATEGORY.dc) {
      this.#counts[first + 4 * y + x] = total;
    }
    return total > 0;
  }

  /** Four interleaved blocks. */
  luma8x8(x: number, y: number): boolean {
    let isCoded = false;
    for (let i = 0; i < 4; i += 1) {
      isCoded = this.lumaBlock(CATEGORY.luma, x + (i & 1), y + (i >> 1)) || isCoded;
    }
    return isCoded;
  }

  chromaDc(): void {
    this.#levels(-1, 4);
  }

  chromaAc(component: number, x: number, y: number): void {
    const first = CHROMA_COUNT + 4 * component;
    const total = this.#levels(this.#predictedCount(first, 2, x, y), 15);
    this.#counts[COUNTS * this.#state.mb + first + 2 * y + x] = total;
  }

  /** nC of the block, §9.2.1. `side`: blocks of a row of the macroblock. */
  #predictedCount(first: number, side: number, x: number, y: number): number {
    const { mb, left, above } = this.#state;
    const counts = this.#counts;
    const at = first + side * y + x;
    const mbA = x > 0 ? mb : left;
    const mbB = y > 0 ? mb : above;
    const a = mbA < 0 ? 0 : (counts[COUNTS * mbA + (x > 0 ? at - 1 : at + side - 1)] as number);
    const b = mbB < 0 ? 0 : (counts[COUNTS * mbB + (y > 0 ? at - side : at + side * (side - 1))] as number);
    return mbA < 0 || mbB < 0 ? a + b : (a + b + 1) >> 1;
  }

  /** residual_block_cavlc, §7.3.5.3.2, of `most` coefficients. `nC` -1: DC of chroma. @returns TotalCoeff */
  #levels(nC: number, most: number): number {
    const token = this.#token(nC);
    const total = token >> 2;
    if (total === 0) {
      return 0;
    }
    if (total > most) {
      throw new PerchError('badInput', `block has ${total} levels, at most ${most} allowed`);
    }
    const ones = token & 3;
    this.positionBits += ones;
    this.#skipLevels(total, ones);
    if (total < most) {
      let zeros = this.#totalZeros(total, most);
      for (let left = total - 1; left > 0 && zeros > 0; left -= 1) {
        zeros -= this.#coded(RUN_TABLES[Math.min(zeros, 7) - 1] as Uint16Array, 11);
      }
      if (zeros < 0) {
        throw new PerchError('badInput', 'run_before is above the zeros left');
      }
    }
    return total;
  }

  #token(nC: number): number {
    if (nC < 0) {
      return this.#coded(CHROMA_DC_COEFF_TOKENS, 8);
    }
    if (nC >= 8) {
      // TotalCoeff - 1 and TrailingOnes; 000011 stands for none.
      const code = this.#bits(6);
      return code === 3 ? 0 : code + 4;
    }
    const bits = this.#peek(16);
    const zeros = Math.clz32(bits) - 16;
    // The three bits after the first 1.
    const index = (zeros << 3) | (((bits << (zeros + 1)) >> 13) & 7);
    const entry = (COEFF_TOKENS[nC < 2 ? 0 : nC < 4 ? 1 : 2] as Uint16Array)[index] as number;
    return this.#valueOf(entry);
  }

  /** §9.2.2. */
  #skipLevels(total: number, ones: number): void {
    let suffixLength = total > 10 && ones < 3 ? 1 : 0;
    for (let i = ones; i < total; i += 1) {
      const prefix = this.#zeros();
      let code = Math.min(15, prefix) << suffixLength;
      const size = prefix >= 15 ? prefix - 3 : prefix === 14 && suffixLength === 0 ? 4 : suffixLength;
      code += this.#bits(size);
      code += prefix >= 15 && suffixLength === 0 ? 15 : 0;
      code += prefix >= 16 ? (1 << (prefix - 3)) - 4096 : 0;
      code += i === ones && ones < 3 ? 2 : 0;
      suffixLength = Math.max(suffixLength, 1);
      if ((code + 2) >> 1 > 3 << (suffixLength - 1) && suffixLength < 6) {
        suffixLength += 1;
      }
    }
  }

  #totalZeros(total: number, most: number): number {
    return most === 4
      ? this.#coded(CHROMA_DC_ZEROS_TABLES[total - 1] as Uint16Array, 3)
      : this.#coded(TOTAL_ZEROS_TABLES[total - 1] as Uint16Array, 9);
  }

  #coded(table: Uint16Array, bits: number): number {
    return this.#valueOf(table[this.#peek(bits)] as number);
  }

  #valueOf(entry: number): number {
    if (entry === 0) {
      throw new PerchError('badInput', 'code is in no table');
    }
    this.positionBits += entry & 31;
    return entry >> 5;
  }

  /** The next bits, at most 17. */
  #peek(count: number): number {
    const data = this.#data;
    const at = this.positionBits >> 3;
    const word = ((data[at] as number) << 16) | ((data[at + 1] as number) << 8) | (data[at + 2] as number);
    return (word >> (24 - (this.positionBits & 7) - count)) & ((1 << count) - 1);
  }

  #bits(count: number): number {
    const value = this.#peek(count);
    this.positionBits += count;
    return value;
  }

  /** Leading zeros and the 1 after them: level_prefix is at most 15 with 8 bits, 16 and more is an extension. */
  #zeros(): number {
    const bits = this.#peek(17);
    if (bits === 0) {
      throw new PerchError('badInput', 'level_prefix is above 16');
    }
    const zeros = Math.clz32(bits) - 15;
    this.positionBits += zeros + 1;
    return zeros;
  }

  #ue(): number {
    const bits = this.#peek(17);
    if (bits === 0) {
      throw new PerchError('badInput', 'exp-Golomb code has more than 16 leading zeros');
    }
    const zeros = Math.clz32(bits) - 15;
    this.positionBits += zeros;
    return this.#bits(zeros + 1) - 1;
  }

  #se(): number {
    const code = this.#ue();
    return (code & 1) === 1 ? (code + 1) >> 1 : -(code >> 1);
  }
}
