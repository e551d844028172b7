/** Bits of `PictureState.kinds`. */
export const MB = {
  intra: 1,
  intra16x16: 2,
  pcm: 4,
  skipped: 8,
  /** B_Skip, B_Direct_16x16. */
  direct: 16,
  transform8x8: 32,
  /** The parts of an inter macroblock: 16x16 (0), 16x8, 8x16, or 8x8. */
  shape: 0xc0,
} as const;
export const SHAPE = { whole: 0, rows: 0x40, columns: 0x80, quarters: 0xc0 } as const;

/** Decode order of 4x4 blocks in a macroblock by y × 4 + x, H.264 §6.4.3. */
export const BLOCK_ORDER = Uint8Array.of(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);

/** What is kept of a reference picture for direct prediction. 4x4 blocks are in raster order of the picture. */
export class PictureMotion {
  /** Vectors of lists 0 and 1: x and y of each 4x4 block, in quarter pixels. */
  readonly vectors: readonly [Int16Array, Int16Array];
  /** refIdx of each 4x4 block; -1: the list is not used. */
  readonly refs: readonly [Int8Array, Int8Array];
  /** Numbers of the reference pictures of each quarter of each macroblock. */
  readonly pictures: readonly [Int32Array, Int32Array];

  constructor(macroblocks: number) {
    this.vectors = [new Int16Array(32 * macroblocks), new Int16Array(32 * macroblocks)];
    this.refs = [new Int8Array(16 * macroblocks), new Int8Array(16 * macroblocks)];
    this.pictures = [new Int32Array(4 * macroblocks), new Int32Array(4 * macroblocks)];
  }

  clear(): void {
    for (const list of [0, 1] as const) {
      this.vectors[list].fill(0);
      this.refs[list].fill(-1);
      this.pictures[list].fill(-1);
    }
  }
}

/** The picture being read, and the current macroblock in it with its neighbours. */
export class PictureState {
  readonly columns: number;
  readonly rows: number;
  /** 4x4 blocks in a row. */
  readonly stride: number;
  /** For each macroblock the number of its slice in the picture; -1: not read yet. */
  readonly slices: Int32Array;
  readonly kinds: Uint8Array;
  /** coded_block_pattern. */
  readonly patterns: Uint8Array;
  readonly qps: Int8Array;
  motion: PictureMotion;
  mb = 0;
  /** First 4x4 block of the macroblock `mb`. */
  origin = 0;
  // Neighbours of `mb` in the same slice; -1: none.
  left = -1;
  above = -1;
  aboveRight = -1;
  aboveLeft = -1;

  constructor(columns: number, rows: number) {
    const count = columns * rows;
    this.columns = columns;
    this.rows = rows;
    this.stride = 4 * columns;
    this.slices = new Int32Array(count);
    this.kinds = new Uint8Array(count);
    this.patterns = new Uint8Array(count);
    this.qps = new Int8Array(count);
    this.motion = new PictureMotion(count);
  }

  begin(motion: PictureMotion): void {
    this.motion = motion;
    motion.clear();
    this.slices.fill(-1);
    this.kinds.fill(0);
    this.patterns.fill(0);
  }

  moveTo(mb: number, slice: number): void {
    const { columns, slices } = this;
    const column = mb % columns;
    this.mb = mb;
    this.origin = ((mb - column) / columns) * 4 * this.stride + 4 * column;
    slices[mb] = slice;
    this.left = column > 0 && slices[mb - 1] === slice ? mb - 1 : -1;
    this.above = slices[mb - columns] === slice ? mb - columns : -1;
    this.aboveRight = column < columns - 1 && slices[mb - columns + 1] === slice ? mb - columns + 1 : -1;
    this.aboveLeft = column > 0 && slices[mb - columns - 1] === slice ? mb - columns - 1 : -1;
  }

  /** The 4x4 block at `x` and `y` of the macroblock, -1 to 4, in the picture; -1: it is not available. */
  blockAt(x: number, y: number): number {
    let mb = this.mb;
    if (y < 0) {
      mb = x < 0 ? this.aboveLeft : x < 4 ? this.above : this.aboveRight;
    } else if (x < 0) {
      mb = this.left;
    }
    return mb < 0 ? -1 : this.origin + y * this.stride + x;
  }
}
