import type { RbspWriter } from '../../payload/rbsp-writer.ts';
import type { Frame } from './frame.ts';

/**
 * A macroblock of one colour as its difference from what is predicted, ISO/IEC 14496-10 §8.3.3 and §8.3.4.
 * With QP 28 for luma and 22 for chroma, one DC level adds exactly itself to every pixel (§8.5.2, §8.5.11):
 * luma (level * 256 + 2 >> 2) + 32 >> 6, chroma (level * 256 << 3 >> 5) + 32 >> 6.
 */
interface FlatMacroblock {
  readonly luma: number;
  readonly cb: number;
  readonly cr: number;
  /** intra_chroma_pred_mode: 0 DC, 1 from the left, 2 from above. */
  readonly chromaMode: number;
}

const I_PCM = 25;
/** Intra_16x16 with DC prediction and no AC levels; + 4 when chroma has DC levels (table 7-11). */
const INTRA_16X16_DC = 3;

/** Macroblock `address` as a flat one; undefined when it, or its chroma prediction, is not flat. */
export function chooseFlat(frame: Frame, address: number): FlatMacroblock | undefined {
  const column = address % frame.columns;
  const row = (address - column) / frame.columns;
  const half = frame.stride / 2;
  const at = row * 16 * frame.stride + column * 16;
  const chromaAt = row * 8 * half + column * 8;
  const luma = flatValue(frame.luma, at, frame.stride, 16, 16);
  const cb = flatValue(frame.cb, chromaAt, half, 8, 8);
  const cr = flatValue(frame.cr, chromaAt, half, 8, 8);
  if (luma < 0 || cb < 0 || cr < 0) {
    return undefined;
  }
  const lumaLevel = luma - predictLuma(frame, at, column > 0, row > 0);
  if (column > 0) {
    const left = chromaFrom(frame, chromaAt - 1, 1, 8);
    if (left) {
      return { luma: lumaLevel, cb: cb - left.cb, cr: cr - left.cr, chromaMode: 1 };
    }
  }
  if (row > 0) {
    const above = chromaFrom(frame, chromaAt - half, 8, 1);
    return above && { luma: lumaLevel, cb: cb - above.cb, cr: cr - above.cr, chromaMode: 2 };
  }
  return column > 0 ? undefined : { luma: lumaLevel, cb: cb - 128, cr: cr - 128, chromaMode: 0 };
}

/** The value of all pixels of a block, or -1 when they differ. */
function flatValue(plane: Uint8Array, at: number, stride: number, width: number, height: number): number {
  const value = plane[at] as number;
  for (let y = 0; y < height; y += 1) {
    const line = at + y * stride;
    for (let x = line; x < line + width; x += 1) {
      if (plane[x] !== value) {
        return -1;
      }
    }
  }
  return value;
}

/** Chroma of the neighbouring pixels if they are equal. */
function chromaFrom(frame: Frame, at: number, width: number, height: number): { cb: number; cr: number } | undefined {
  const half = frame.stride / 2;
  const cb = flatValue(frame.cb, at, half, width, height);
  const cr = flatValue(frame.cr, at, half, width, height);
  return cb < 0 || cr < 0 ? undefined : { cb, cr };
}

/** Intra_16x16_DC, §8.3.3.3: the rounded mean of the neighbours that there are. */
function predictLuma(frame: Frame, at: number, hasLeft: boolean, hasAbove: boolean): number {
  let sum = 0;
  for (let i = 0; i < 16; i += 1) {
    sum += hasLeft ? (frame.luma[at - 1 + i * frame.stride] as number) : 0;
    sum += hasAbove ? (frame.luma[at - frame.stride + i] as number) : 0;
  }
  if (hasLeft && hasAbove) {
    return (sum + 16) >> 5;
  }
  return hasLeft || hasAbove ? (sum + 8) >> 4 : 128;
}

/** macroblock_layer() of an Intra_16x16 macroblock, §7.3.5. @param count nC, the coefficients around (§9.2.1) */
export function writeFlat(writer: RbspWriter, typeBase: number, flat: FlatMacroblock, count: number): void {
  const hasChroma = flat.cb !== 0 || flat.cr !== 0;
  writer.unsigned(typeBase + INTRA_16X16_DC + (hasChroma ? 4 : 0));
  writer.unsigned(flat.chromaMode);
  writer.signed(0); // mb_qp_delta
  writeLevel(writer, flat.luma, count < 8 ? FEW : MANY);
  if (hasChroma) {
    writeLevel(writer, flat.cb, CHROMA_DC);
    writeLevel(writer, flat.cr, CHROMA_DC);
  }
}

/** coeff_token of no, one ±1 and one other level (table 9-5) as [value, bits]. */
type CoeffTokens = readonly [none: Code, one: Code, other: Code];
type Code = readonly [value: number, bits: number];
const FEW: CoeffTokens = [
  [1, 1],
  [1, 2],
  [5, 6],
];
const MANY: CoeffTokens = [
  [3, 6],
  [1, 6],
  [0, 6],
];
const CHROMA_DC: CoeffTokens = [
  [1, 2],
  [1, 1],
  [7, 6],
];

/** residual_block_cavlc(), §7.3.5.3.2, of a block whose only level, if any, is the first. */
function writeLevel(writer: RbspWriter, level: number, [none, one, other]: CoeffTokens): void {
  if (level === 0) {
    writer.bits(none[0], none[1]);
    return;
  }
  if (level === 1 || level === -1) {
    writer.bits(one[0], one[1]);
    writer.bits(level < 0 ? 1 : 0, 1); // trailing_ones_sign_flag
  } else {
    writer.bits(other[0], other[1]);
    writeLevelCode(writer, level > 0 ? 2 * level - 4 : -2 * level - 3);
  }
  writer.bits(1, 1); // total_zeros = 0, the same code in tables 9-7 and 9-9
}

/** level_prefix and level_suffix with suffixLength 0, §9.2.2.1. */
function writeLevelCode(writer: RbspWriter, code: number): void {
  if (code < 14) {
    writer.bits(1, code + 1);
  } else if (code < 30) {
    writer.bits(1, 15);
    writer.bits(code - 14, 4);
  } else {
    writer.bits(1, 16);
    writer.bits(code - 30, 12);
  }
}

/** I_PCM, §7.3.5: uncompressed pixels. */
export function writePcm(writer: RbspWriter, typeBase: number, frame: Frame, address: number): void {
  const column = address % frame.columns;
  const row = (address - column) / frame.columns;
  const half = frame.stride / 2;
  writer.unsigned(typeBase + I_PCM);
  writer.align();
  for (let y = row * 16; y < row * 16 + 16; y += 1) {
    const at = y * frame.stride + column * 16;
    writer.raw(frame.luma, at, at + 16);
  }
  for (const plane of [frame.cb, frame.cr]) {
    for (let y = row * 8; y < row * 8 + 8; y += 1) {
      const at = y * half + column * 8;
      writer.raw(plane, at, at + 8);
    }
  }
}
