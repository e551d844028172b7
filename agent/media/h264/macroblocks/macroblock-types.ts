import { SHAPE } from './picture-state.ts';

/** Bits of the lists that a part uses. */
export const LIST = { l0: 1, l1: 2, both: 3 } as const;

/** Shape and the lists of both parts of mb_type of P slices (table 7-13), as `shape | first | second << 2`; the last one is P_8x8ref0. */
export const P_TYPES = Uint8Array.of(
  SHAPE.whole | LIST.l0,
  SHAPE.rows | LIST.l0 | (LIST.l0 << 2),
  SHAPE.columns | LIST.l0 | (LIST.l0 << 2),
  SHAPE.quarters,
  SHAPE.quarters | LIST.l0,
);

/** The same for B slices from type 1 on, table 7-14: pairs of 16x8 and 8x16 follow each other. */
const B_PAIRS = [
  [LIST.l0, LIST.l0],
  [LIST.l1, LIST.l1],
  [LIST.l0, LIST.l1],
  [LIST.l1, LIST.l0],
  [LIST.l0, LIST.both],
  [LIST.l1, LIST.both],
  [LIST.both, LIST.l0],
  [LIST.both, LIST.l1],
  [LIST.both, LIST.both],
] as const;
export const B_TYPES = Uint8Array.of(
  0,
  LIST.l0,
  LIST.l1,
  LIST.both,
  ...B_PAIRS.flatMap(([a, b]) => [SHAPE.rows | a | (b << 2), SHAPE.columns | a | (b << 2)]),
  SHAPE.quarters,
);

/** Number of inter types in P and B slices; mb_type of intra macroblocks follows them. */
export const P_INTER_TYPES = 5;
export const B_INTER_TYPES = 23;
export const I_NXN = 0;
export const I_PCM = 25;

/** Lists, and width and height of its parts in 4x4 blocks, of sub_mb_type: tables 7-17 and 7-18. `lists | width << 2 | height << 4`. */
const sub = (lists: number, width: number, height: number) => lists | (width << 2) | (height << 4);
export const P_SUB_TYPES = Uint8Array.of(sub(1, 2, 2), sub(1, 2, 1), sub(1, 1, 2), sub(1, 1, 1));
export const B_SUB_TYPES = Uint8Array.of(
  // B_Direct_8x8
  0,
  sub(1, 2, 2),
  sub(2, 2, 2),
  sub(3, 2, 2),
  sub(1, 2, 1),
  sub(1, 1, 2),
  sub(2, 2, 1),
  sub(2, 1, 2),
  sub(3, 2, 1),
  sub(3, 1, 2),
  sub(1, 1, 1),
  sub(2, 1, 1),
  sub(3, 1, 1),
);

/** Kinds of residual blocks: ctxBlockCat of table 9-42. */
export const CATEGORY = { dc: 0, ac: 1, luma: 2, chromaDc: 3, chromaAc: 4, luma8x8: 5 } as const;

/** Syntax elements of macroblocks in one of two entropy codings, H.264 §7.3.5. Blocks are 4x4; x and y count them in the macroblock. */
export interface MacroblockSyntax {
  /** A slice begins. @param at its first bit in `data`, which zeros follow; `model`: 0: an I slice, else 1 + cabac_init_idc */
  begin(data: Uint8Array<ArrayBuffer>, at: number, endBits: number, model: number, qp: number): void;
  readonly positionBits: number;
  isSkipped(isB: boolean): boolean;
  /** The slice ends after the macroblock. */
  isLast(): boolean;
  /** mb_type, numbered as in this type of slice. */
  typeOf(slice: number): number;
  subType(isB: boolean): number;
  /** ref_idx of the part at x and y, with `width` and `height`. */
  ref(list: number, x: number, y: number, width: number, height: number, entries: number): number;
  /** Reads mvd of a part and adds it to the predicted vector. */
  difference(list: number, axis: number, x: number, y: number, width: number, height: number): number;
  transform8x8(): boolean;
  intraMode(): void;
  chromaMode(): void;
  pattern(isIntra: boolean): number;
  qpDelta(): number;
  /** The macroblock has no mb_qp_delta. */
  noDelta(): void;
  /** Skips the samples of I_PCM. */
  skipPcm(): void;
  /** Reads a luma block. @returns whether it has levels */
  lumaBlock(category: number, x: number, y: number): boolean;
  luma8x8(x: number, y: number): boolean;
  /** Reads the DC block of Cb (0) or Cr (1). */
  chromaDc(component: number): void;
  chromaAc(component: number, x: number, y: number): void;
}
