import type { BlockField } from '../../../picture/block-reader.ts';
import { BLOCK_PIXELS } from '../../../picture/block-reader.ts';

/** Corners in shares of the picture's width and height, from its upper left corner. Lines that cross are filled by the even-odd rule. */
export type Polygon = readonly (readonly [x: number, y: number])[];

/** Lines of a block on which a mask is tested. */
const LINES = 4;

/** The blocks of a picture. */
export interface BlockGrid {
  readonly columns: number;
  readonly rows: number;
  /** Blocks that the picture has without what is cropped: 22.5 of 360 lines. */
  readonly across: number;
  readonly down: number;
}

/** @param width in pixels, after cropping */
export const gridOf = ({ columns, rows }: BlockField, width: number, height: number): BlockGrid => ({
  columns,
  rows,
  across: width / BLOCK_PIXELS,
  down: height / BLOCK_PIXELS,
});

/** 1 for each block whose motion counts: its middle is in a zone, or there are no zones; and no mask touches it. */
export function countedBlocks(grid: BlockGrid, zones: readonly Polygon[], masks: readonly Polygon[]): Uint8Array {
  const counts = new Uint8Array(grid.columns * grid.rows).fill(zones.length === 0 ? 1 : 0);
  for (const zone of zones) {
    // A zone that contains the middle of no block gets the blocks that it touches.
    if (!fill(counts, 1, grid, zone, 1)) {
      fill(counts, 1, grid, zone, LINES);
    }
  }
  for (const mask of masks) {
    fill(counts, 0, grid, mask, LINES);
  }
  return counts;
}

/** For each block the zones that it is in: a bit for each, the first the lowest; of at most 16 zones. */
export function zoneBits(grid: BlockGrid, zones: readonly Polygon[]): Uint16Array {
  const bits = new Uint16Array(grid.columns * grid.rows);
  for (const [i, zone] of zones.entries()) {
    for (const [block, isIn] of countedBlocks(grid, [zone], []).entries()) {
      bits[block] = (bits[block] as number) | (isIn << i);
    }
  }
  return bits;
}

/** @param lines 1: blocks whose middle is in the polygon; more: blocks that it touches. @returns whether there are any */
function fill(counts: Uint8Array, value: number, grid: BlockGrid, polygon: Polygon, lines: number): boolean {
  const { columns, rows, across, down } = grid;
  let hasAny = false;
  for (let row = 0; row < rows; row += 1) {
    const height = Math.min(1, down - row);
    for (let line = 0; line < lines; line += 1) {
      const crossings = crossingsAt(polygon, (row + ((line + 0.5) / lines) * height) / down);
      for (let i = 0; i + 1 < crossings.length; i += 2) {
        const [from = 0, to = 0] = [(crossings[i] ?? 0) * across, (crossings[i + 1] ?? 0) * across];
        for (let column = 0; column < columns; column += 1) {
          const right = Math.min(column + 1, across);
          const middle = (column + right) / 2;
          if (lines === 1 ? from <= middle && middle < to : from < right && to > column) {
            counts[row * columns + column] = value;
            hasAny = true;
          }
        }
      }
    }
  }
  return hasAny;
}

/** Where the edges cross a line of the picture, from left to right. */
function crossingsAt(polygon: Polygon, y: number): readonly number[] {
  const crossings: number[] = [];
  for (const [i, [ax, ay]] of polygon.entries()) {
    const [bx, by] = polygon[(i + 1) % polygon.length] ?? [ax, ay];
    if (ay <= y !== by <= y) {
      crossings.push(ax + ((y - ay) / (by - ay)) * (bx - ax));
    }
  }
  return crossings.sort((a, b) => a - b);
}
