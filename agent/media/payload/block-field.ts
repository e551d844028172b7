/** Side of a block: a macroblock of H.264. */
export const BLOCK_PIXELS = 16;

/** Bits of `BlockField.flags`. */
export const BLOCK = {
  /** Predicted as its neighbours are, without a residual. */
  skipped: 1,
  intra: 2,
  /** Has a residual of luma. */
  coded: 4,
} as const;

/** What an encoder wrote for each block of 16x16 pixels of one picture, row by row. One instance serves a stream. */
export class BlockField {
  readonly columns: number;
  readonly rows: number;
  readonly flags: Uint8Array;
  /**
   * The vector to the block's prediction in its reference picture, as the standards have it, in quarter pixels: where the block moves
   * to the right, it is negative. That of its largest part, of list 0 if it has one; 0 in intra blocks.
   */
  readonly x: Int16Array;
  readonly y: Int16Array;
  /** Pictures between the reference and this one, in output order; below 0: the reference is shown later. 0: intra, or unknown. */
  readonly distances: Int8Array;
  /** Luma quantiser. */
  readonly qps: Int8Array;
  /** Bits of the block, up to 65,535; those of a larger unit are shared by its blocks. */
  readonly bits: Uint16Array;

  /** @param width in pixels, before cropping */
  constructor(width: number, height: number) {
    this.columns = Math.ceil(width / BLOCK_PIXELS);
    this.rows = Math.ceil(height / BLOCK_PIXELS);
    const count = this.columns * this.rows;
    this.flags = new Uint8Array(count);
    this.x = new Int16Array(count);
    this.y = new Int16Array(count);
    this.distances = new Int8Array(count);
    this.qps = new Int8Array(count);
    this.bits = new Uint16Array(count);
  }
}

/** Reads the blocks of a track's pictures. One instance serves a track until its parameter sets change. */
export interface BlockReader {
  /** Blocks of the last picture for which `read` returned true; overwritten by the next one. */
  readonly field: BlockField;
  /** Takes the next picture in decode order without reading its blocks, only to keep the lists of reference pictures. */
  follow(data: Uint8Array): void;
  /** Reads the next picture in decode order. @returns whether all its blocks were read; otherwise `field` must not be used */
  read(data: Uint8Array): boolean;
}
