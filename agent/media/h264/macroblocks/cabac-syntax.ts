import { PerchError } from '../../../base/errors.ts';
import { CabacDecoder } from '../../payload/cabac-decoder.ts';
import { SLICE_TYPE } from '../../payload/slice-reader.ts';
import { CONTEXTS, LAST_8X8, resetContexts, SIGNIFICANT_8X8 } from './cabac-tables.ts';
import { B_INTER_TYPES, CATEGORY, I_NXN, I_PCM, type MacroblockSyntax, P_INTER_TYPES } from './macroblock-types.ts';
import { MB, type PictureState } from './picture-state.ts';

// First ctxIdx of syntax elements, H.264 table 9-34.
const [I_TYPE, P_SKIP, P_TYPE, P_SUB, B_SKIP, B_TYPE, B_SUB] = [3, 11, 14, 21, 24, 27, 36];
const [MVD_X, MVD_Y, REF, QP_DELTA, CHROMA_MODE, INTRA_FLAG, INTRA_MODE] = [40, 47, 54, 60, 64, 68, 69];
const [LUMA_PATTERN, CHROMA_PATTERN, CODED, SIGNIFICANT, LAST, LEVEL, TRANSFORM] = [73, 77, 85, 105, 166, 227, 399];
const P_INTRA = 17;
const B_INTRA = 32;
/** By ctxBlockCat: what is added to the first ctxIdx, table 9-40, and the coefficients of a block. */
const CODED_OFFSETS = Uint8Array.of(0, 4, 8, 12, 16, 0);
const MAP_OFFSETS = Uint16Array.of(0, 15, 29, 44, 47, 402 - SIGNIFICANT);
const LAST_OFFSETS = Uint16Array.of(0, 15, 29, 44, 47, 417 - LAST);
const LEVEL_OFFSETS = Uint16Array.of(0, 10, 20, 30, 39, 426 - LEVEL);
const COEFFICIENTS = Uint8Array.of(16, 15, 16, 4, 15, 64);
/** Bits of coded_block_flag of a macroblock: luma by y × 4 + x, AC of Cb and Cr, DC of luma, Cb and Cr. */
const CHROMA_AC_BIT = 16;
const DC_BIT = 24;
const ALL_CODED = 0x7ff_ffff;
const MAX_REF = 31;
const MAX_QP_DELTA_BINS = 104;
/** |mvd| is kept up to this: all sums above 32 select the same context (H.264 §9.3.3.1.1.7). */
const MAX_MVD = 64;
const PCM_BYTES = 384;

/** Syntax elements in CABAC, H.264 §9.3. */
export class CabacSyntax implements MacroblockSyntax {
  readonly #decoder = new CabacDecoder(CONTEXTS);
  readonly #state: PictureState;
  readonly #codedFlags: Int32Array;
  readonly #chromaModes: Uint8Array;
  /** |mvd| of each 4x4 block: list × 2 + axis. */
  readonly #mvds: Uint8Array;
  /** For each 4x4 block, the bits of the lists whose refIdx is above 0 and was not predicted. */
  readonly #refs: Uint8Array;
  #wasDelta = false;

  constructor(state: PictureState) {
    const count = state.columns * state.rows;
    this.#state = state;
    this.#codedFlags = new Int32Array(count);
    this.#chromaModes = new Uint8Array(count);
    this.#mvds = new Uint8Array(64 * count);
    this.#refs = new Uint8Array(16 * count);
  }

  beginPicture(): void {
    this.#codedFlags.fill(0);
    this.#chromaModes.fill(0);
    this.#mvds.fill(0);
    this.#refs.fill(0);
  }

  begin(data: Uint8Array<ArrayBuffer>, at: number, _endBits: number, model: number, qp: number): void {
    // cabac_alignment_one_bit
    this.#decoder.begin(data, (at + 7) >> 3, data.length);
    resetContexts(this.#decoder.states, model, qp);
    this.#wasDelta = false;
  }

  get positionBits(): number {
    return this.#decoder.positionBits;
  }

  isSkipped(isB: boolean): boolean {
    const { left, above, kinds } = this.#state;
    const a = left >= 0 && ((kinds[left] as number) & MB.skipped) === 0 ? 1 : 0;
    const b = above >= 0 && ((kinds[above] as number) & MB.skipped) === 0 ? 1 : 0;
    const isSkipped = this.#decoder.bin((isB ? B_SKIP : P_SKIP) + a + b) === 1;
    this.#wasDelta &&= !isSkipped;
    return isSkipped;
  }

  isLast(): boolean {
    return this.#decoder.terminate() === 1;
  }

  typeOf(slice: number): number {
    const { left, above, kinds } = this.#state;
    if (slice === SLICE_TYPE.i) {
      const a = left >= 0 && !isNxn(kinds[left] as number) ? 1 : 0;
      const b = above >= 0 && !isNxn(kinds[above] as number) ? 1 : 0;
      return this.#intraType(I_TYPE, a + b, true);
    }
    return slice === SLICE_TYPE.p ? this.#pType() : this.#bType();
  }

  #pType(): number {
    const decoder = this.#decoder;
    if (decoder.bin(P_TYPE) === 1) {
      return P_INTER_TYPES + this.#intraType(P_INTRA, 0, false);
    }
    if (decoder.bin(P_TYPE + 1) === 0) {
      return 3 * decoder.bin(P_TYPE + 2);
    }
    return 2 - decoder.bin(P_TYPE + 3);
  }

  #bType(): number {
    const decoder = this.#decoder;
    const { left, above, kinds } = this.#state;
    const a = left >= 0 && ((kinds[left] as number) & MB.direct) === 0 ? 1 : 0;
    const b = above >= 0 && ((kinds[above] as number) & MB.direct) === 0 ? 1 : 0;
    if (decoder.bin(B_TYPE + a + b) === 0) {
      return 0;
    }
    if (decoder.bin(B_TYPE + 3) === 0) {
      return 1 + decoder.bin(B_TYPE + 5);
    }
    let bits = decoder.bin(B_TYPE + 4);
    for (let i = 0; i < 3; i += 1) {
      bits = 2 * bits + decoder.bin(B_TYPE + 5);
    }
    if (bits < 8) {
      return bits + 3;
    }
    if (bits === 13) {
      return B_INTER_TYPES + this.#intraType(B_INTRA, 0, false);
    }
    if (bits === 14) {
      return 11;
    }
    return bits === 15 ? 22 : 2 * bits + decoder.bin(B_TYPE + 5) - 4;
  }

  /** @param increment of the first bin; `isISlice`: bins have contexts of their own */
  #intraType(first: number, increment: number, isISlice: boolean): number {
    const decoder = this.#decoder;
    if (decoder.bin(first + increment) === 0) {
      return I_NXN;
    }
    if (decoder.terminate() === 1) {
      return I_PCM;
    }
    const base = first + (isISlice ? 3 : 1);
    let type = 1 + 12 * decoder.bin(base);
    if (decoder.bin(base + 1) === 1) {
      type += 4 + 4 * decoder.bin(base + (isISlice ? 2 : 1));
    }
    type += 2 * decoder.bin(base + (isISlice ? 3 : 2));
    return type + decoder.bin(base + (isISlice ? 4 : 2));
  }

  subType(isB: boolean): number {
    const decoder = this.#decoder;
    if (!isB) {
      if (decoder.bin(P_SUB) === 1) {
        return 0;
      }
      return decoder.bin(P_SUB + 1) === 0 ? 1 : 3 - decoder.bin(P_SUB + 2);
    }
    if (decoder.bin(B_SUB) === 0) {
      return 0;
    }
    if (decoder.bin(B_SUB + 1) === 0) {
      return 1 + decoder.bin(B_SUB + 3);
    }
    let type = 3;
    if (decoder.bin(B_SUB + 2) === 1) {
      if (decoder.bin(B_SUB + 3) === 1) {
        return 11 + decoder.bin(B_SUB + 3);
      }
      type = 7;
    }
    type += 2 * decoder.bin(B_SUB + 3);
    return type + decoder.bin(B_SUB + 3);
  }

  ref(list: number, x: number, y: number, width: number, height: number, _entries: number): number {
    const state = this.#state;
    const decoder = this.#decoder;
    const refs = this.#refs;
    const a = state.blockAt(x - 1, y);
    const b = state.blockAt(x, y - 1);
    const bit = 1 << list;
    let context = REF + (a >= 0 && ((refs[a] as number) & bit) !== 0 ? 1 : 0);
    context += b >= 0 && ((refs[b] as number) & bit) !== 0 ? 2 : 0;
    let ref = 0;
    while (decoder.bin(context) === 1) {
      context = REF + (ref === 0 ? 4 : 5);
      ref += 1;
      if (ref > MAX_REF) {
        throw new PerchError('badInput', `ref_idx is above ${MAX_REF}`);
      }
    }
    if (ref > 0) {
      for (let row = y; row < y + height; row += 1) {
        for (let column = x; column < x + width; column += 1) {
          const at = state.origin + row * state.stride + column;
          refs[at] = (refs[at] as number) | bit;
        }
      }
    }
    return ref;
  }

  difference(list: number, axis: number, x: number, y: number, width: number, height: number): number {
    const state = this.#state;
    const mvds = this.#mvds;
    const kind = 2 * list + axis;
    const a = state.blockAt(x - 1, y);
    const b = state.blockAt(x, y - 1);
    const sum = (a < 0 ? 0 : (mvds[4 * a + kind] as number)) + (b < 0 ? 0 : (mvds[4 * b + kind] as number));
    const value = this.#mvd(axis === 0 ? MVD_X : MVD_Y, sum);
    if (value !== 0) {
      const size = Math.min(Math.abs(value), MAX_MVD);
      for (let row = y; row < y + height; row += 1) {
        for (let column = x; column < x + width; column += 1) {
          mvds[4 * (state.origin + row * state.stride + column) + kind] = size;
        }
      }
    }
    return value;
  }

  /** UEG3 with signedValFlag 1 and uCoff 9. */
  #mvd(first: number, sum: number): number {
    const decoder = this.#decoder;
    if (decoder.bin(first + (sum < 3 ? 0 : sum > 32 ? 2 : 1)) === 0) {
      return 0;
    }
    let value = 1;
    while (value < 9 && decoder.bin(first + Math.min(2 + value, 6)) === 1) {
      value += 1;
    }
    if (value === 9) {
      value += decoder.suffix(3);
    }
    return decoder.bypass() === 1 ? -value : value;
  }

  transform8x8(): boolean {
    const { left, above, kinds } = this.#state;
    const a = left >= 0 && ((kinds[left] as number) & MB.transform8x8) !== 0 ? 1 : 0;
    const b = above >= 0 && ((kinds[above] as number) & MB.transform8x8) !== 0 ? 1 : 0;
    return this.#decoder.bin(TRANSFORM + a + b) === 1;
  }

  intraMode(): void {
    const decoder = this.#decoder;
    if (decoder.bin(INTRA_FLAG) === 0) {
      decoder.bin(INTRA_MODE);
      decoder.bin(INTRA_MODE);
      decoder.bin(INTRA_MODE);
    }
  }

  chromaMode(): void {
    const decoder = this.#decoder;
    const { left, above, mb } = this.#state;
    const a = left >= 0 && this.#chromaModes[left] !== 0 ? 1 : 0;
    const b = above >= 0 && this.#chromaModes[above] !== 0 ? 1 : 0;
    if (decoder.bin(CHROMA_MODE + a + b) === 1) {
      this.#chromaModes[mb] = 1;
      // Modes 2 and 3 do not matter.
      if (decoder.bin(CHROMA_MODE + 3) === 1) {
        decoder.bin(CHROMA_MODE + 3);
      }
    }
  }

  pattern(_isIntra: boolean): number {
    const decoder = this.#decoder;
    const { left, above, patterns } = this.#state;
    // Without a neighbour the bit counts as set.
    const a = left < 0 ? 0x0f : (patterns[left] as number);
    const b = above < 0 ? 0x0f : (patterns[above] as number);
    let luma = 0;
    for (let quarter = 0; quarter < 4; quarter += 1) {
      const isLeft = (quarter & 1) === 0 ? (a >> (quarter + 1)) & 1 : (luma >> (quarter - 1)) & 1;
      const isAbove = quarter < 2 ? (b >> (quarter + 2)) & 1 : (luma >> (quarter - 2)) & 1;
      luma |= decoder.bin(LUMA_PATTERN + (1 - isLeft) + 2 * (1 - isAbove)) << quarter;
    }
    const chromaA = a >> 4;
    const chromaB = b >> 4;
    if (decoder.bin(CHROMA_PATTERN + (chromaA > 0 ? 1 : 0) + (chromaB > 0 ? 2 : 0)) === 0) {
      return luma;
    }
    const more = decoder.bin(CHROMA_PATTERN + 4 + (chromaA === 2 ? 1 : 0) + (chromaB === 2 ? 2 : 0));
    return luma | ((1 + more) << 4);
  }

  qpDelta(): number {
    const decoder = this.#decoder;
    let bins = 0;
    let context = QP_DELTA + (this.#wasDelta ? 1 : 0);
    while (decoder.bin(context) === 1) {
      context = QP_DELTA + (bins === 0 ? 2 : 3);
      bins += 1;
      if (bins > MAX_QP_DELTA_BINS) {
        throw new PerchError('badInput', `mb_qp_delta has more than ${MAX_QP_DELTA_BINS} bins`);
      }
    }
    this.#wasDelta = bins > 0;
    return (bins & 1) === 1 ? (bins + 1) >> 1 : -(bins >> 1);
  }

  /** A macroblock without mb_qp_delta. */
  noDelta(): void {
    this.#wasDelta = false;
  }

  skipPcm(): void {
    this.#codedFlags[this.#state.mb] = ALL_CODED;
    this.#wasDelta = false;
    this.#decoder.restart(8 * PCM_BYTES);
  }

  lumaBlock(category: number, x: number, y: number): boolean {
    if (category === CATEGORY.dc) {
      return this.#flagged(category, DC_BIT, DC_BIT, DC_BIT);
    }
    const bit = 4 * y + x;
    return this.#flagged(category, bit, x > 0 ? bit - 1 : bit + 3, y > 0 ? bit - 4 : bit + 12, x > 0, y > 0);
  }

  /** coded_block_flag is inferred to be 1. */
  luma8x8(x: number, y: number): boolean {
    const { mb } = this.#state;
    this.#codedFlags[mb] = (this.#codedFlags[mb] as number) | (0x33 << (4 * y + x));
    this.#levels(CATEGORY.luma8x8);
    return true;
  }

  chromaDc(component: number): void {
    const bit = DC_BIT + 1 + component;
    this.#flagged(CATEGORY.chromaDc, bit, bit, bit);
  }

  chromaAc(component: number, x: number, y: number): void {
    const bit = CHROMA_AC_BIT + 4 * component + 2 * y + x;
    this.#flagged(CATEGORY.chromaAc, bit, x > 0 ? bit - 1 : bit + 1, y > 0 ? bit - 2 : bit + 2, x > 0, y > 0);
  }

  /** A block with coded_block_flag, whose neighbours have bits `bitA` and `bitB` of this macroblock (`isAHere`) or the next one. */
  #flagged(category: number, bit: number, bitA: number, bitB: number, isAHere = false, isBHere = false): boolean {
    const { mb, left, above, kinds } = this.#state;
    const flags = this.#codedFlags;
    const missing = (kinds[mb] as number) & MB.intra;
    const mbA = isAHere ? mb : left;
    const mbB = isBHere ? mb : above;
    const a = mbA < 0 ? missing : ((flags[mbA] as number) >> bitA) & 1;
    const b = mbB < 0 ? missing : ((flags[mbB] as number) >> bitB) & 1;
    if (this.#decoder.bin(CODED + (CODED_OFFSETS[category] as number) + a + 2 * b) === 0) {
      return false;
    }
    flags[mb] = (flags[mb] as number) | (1 << bit);
    this.#levels(category);
    return true;
  }

  /** The rest of residual_block_cabac, §7.3.5.3.3. */
  #levels(category: number): void {
    const decoder = this.#decoder;
    const map = SIGNIFICANT + (MAP_OFFSETS[category] as number);
    const last = LAST + (LAST_OFFSETS[category] as number);
    const level = LEVEL + (LEVEL_OFFSETS[category] as number);
    const end = (COEFFICIENTS[category] as number) - 1;
    let count = 0;
    let i = 0;
    for (; i < end; i += 1) {
      let mapIndex = i;
      let lastIndex = i;
      if (category === CATEGORY.luma8x8) {
        mapIndex = SIGNIFICANT_8X8[i] as number;
        lastIndex = LAST_8X8[i] as number;
      } else if (category === CATEGORY.chromaDc) {
        mapIndex = Math.min(i, 2);
        lastIndex = mapIndex;
      }
      if (decoder.bin(map + mapIndex) === 1) {
        count += 1;
        if (decoder.bin(last + lastIndex) === 1) {
          break;
        }
      }
    }
    // The last coefficient is significant if no earlier one was signalled as the last.
    count += i === end ? 1 : 0;
    let ones = 0;
    let larger = 0;
    const most = category === CATEGORY.chromaDc ? 3 : 4;
    for (; count > 0; count -= 1) {
      if (decoder.bin(level + (larger > 0 ? 0 : Math.min(4, 1 + ones))) === 0) {
        ones += 1;
      } else {
        const context = level + 5 + Math.min(most, larger);
        let value = 2;
        while (value < 15 && decoder.bin(context) === 1) {
          value += 1;
        }
        if (value === 15) {
          decoder.suffix(0);
        }
        larger += 1;
      }
      decoder.bypass(); // coeff_sign_flag
    }
  }
}

const isNxn = (kind: number): boolean => (kind & (MB.intra | MB.intra16x16 | MB.pcm)) === MB.intra;
