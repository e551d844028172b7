import { CELL_BYTES, CELL_COLUMNS, CELL_ROWS } from '../detection/moved-cells.ts';
import type { MovedSecond } from './moved-table.ts';

/** A part of the picture, in shares of it. */
export interface PictureBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A time in which something moved in the box. */
export interface Moment {
  /** Unix seconds. */
  readonly startS: number;
  readonly seconds: number;
  /** Unix second in which most of the box moved. */
  readonly peakS: number;
  /** Share of the box that moved then. */
  readonly share: number;
}

/** @param moved oldest first */
export function findMoments(moved: Iterable<MovedSecond>, box: PictureBox): Moment[] {
  const wanted = cellsOf(box);
  const all = count(wanted);
  const moments: { startS: number; seconds: number; peakS: number; share: number }[] = [];
  for (const { second, bits } of moved) {
    let hits = 0;
    for (let i = 0; i < CELL_BYTES; i += 1) {
      hits += ones((bits[i] as number) & (wanted[i] as number));
    }
    if (hits === 0) {
      continue;
    }
    const share = hits / all;
    const last = moments.at(-1);
    // A short rest does not end a moment.
    if (last && second - (last.startS + last.seconds) <= 5) {
      last.seconds = second + 1 - last.startS;
      if (share > last.share) {
        last.peakS = second;
        last.share = share;
      }
    } else {
      moments.push({ startS: second, seconds: 1, peakS: second, share });
    }
  }
  return moments;
}

/** Bits of the cells whose middle is in the box; of the cell that contains the middle of the box if it contains none. */
export function cellsOf({ x, y, width, height }: PictureBox): Uint8Array {
  const [left, right] = spanOf(x, width, CELL_COLUMNS);
  const [top, bottom] = spanOf(y, height, CELL_ROWS);
  const bits = new Uint8Array(CELL_BYTES);
  for (let row = top; row <= bottom; row += 1) {
    for (let column = left; column <= right; column += 1) {
      const cell = row * CELL_COLUMNS + column;
      bits[cell >> 3] = (bits[cell >> 3] as number) | (1 << (cell & 7));
    }
  }
  return bits;
}

/** First and last cell, inclusive. */
function spanOf(from: number, size: number, cells: number): readonly [number, number] {
  const first = Math.ceil(from * cells - 0.5);
  const last = Math.floor((from + size) * cells - 0.5);
  const middle = Math.floor((from + size / 2) * cells);
  const within = (cell: number): number => Math.min(Math.max(cell, 0), cells - 1);
  return first > last ? [within(middle), within(middle)] : [within(first), within(last)];
}

const count = (bits: Uint8Array): number => bits.reduce((sum, byte) => sum + ones(byte), 0);

function ones(byte: number): number {
  let left = byte;
  let found = 0;
  while (left !== 0) {
    left &= left - 1;
    found += 1;
  }
  return found;
}
