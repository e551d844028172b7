import { BLOCK, BLOCK_PIXELS, type BlockField } from '../../payload/block-field.ts';
import { horizontal, vertical } from './vectors.ts';

const MAX_BITS = 0xffff;

/** Writes coding units of any size into a field of blocks of 16x16 pixels. */
export class FieldWriter {
  readonly field: BlockField;
  /** Pixels of the largest part of each block so far. */
  readonly #largest: Uint16Array;

  constructor(field: BlockField) {
    this.field = field;
    this.#largest = new Uint16Array(field.flags.length);
  }

  begin(): void {
    const { flags, x, y, distances, qps, bits } = this.field;
    // A block is skipped if all its units are.
    flags.fill(BLOCK.skipped);
    x.fill(0);
    y.fill(0);
    distances.fill(0);
    qps.fill(0);
    bits.fill(0);
    this.#largest.fill(0);
  }

  /** A prediction block; without a vector an intra one. */
  part(
    left: number,
    top: number,
    width: number,
    height: number,
    isIntra: boolean,
    vector: number,
    distance: number,
  ): void {
    const { columns, rows, flags, x, y, distances } = this.field;
    const pixels = Math.min(width, BLOCK_PIXELS) * Math.min(height, BLOCK_PIXELS);
    const lastColumn = Math.min((left + width - 1) >> 4, columns - 1);
    const lastRow = Math.min((top + height - 1) >> 4, rows - 1);
    for (let row = top >> 4; row <= lastRow; row += 1) {
      for (let column = left >> 4; column <= lastColumn; column += 1) {
        const at = row * columns + column;
        if (pixels > (this.#largest[at] as number)) {
          this.#largest[at] = pixels;
          flags[at] = ((flags[at] as number) & ~BLOCK.intra) | (isIntra ? BLOCK.intra : 0);
          x[at] = horizontal(vector);
          y[at] = vertical(vector);
          distances[at] = Math.min(Math.max(distance, -128), 127);
        }
      }
    }
  }

  /** A coding unit of `size` x `size` pixels. */
  unit(
    left: number,
    top: number,
    size: number,
    isSkipped: boolean,
    isCoded: boolean,
    qp: number,
    bitCount: number,
  ): void {
    const { columns, rows, flags, qps, bits } = this.field;
    const lastColumn = Math.min((left + size - 1) >> 4, columns - 1);
    const lastRow = Math.min((top + size - 1) >> 4, rows - 1);
    const side = Math.max(size >> 4, 1);
    const share = bitCount / (side * side);
    for (let row = top >> 4; row <= lastRow; row += 1) {
      for (let column = left >> 4; column <= lastColumn; column += 1) {
        const at = row * columns + column;
        const kept = isSkipped ? 0xff : ~BLOCK.skipped;
        flags[at] = ((flags[at] as number) & kept) | (isCoded ? BLOCK.coded : 0);
        qps[at] = qp;
        bits[at] = Math.min((bits[at] as number) + share, MAX_BITS);
      }
    }
  }
}
