import { CELL_BYTES, CELL_COLUMNS, CELL_ROWS } from '../detection/moved-cells.ts';

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

/** Collects the moments in which something moved in a box. */
export class MomentFinder {
  readonly moments: { startS: number; seconds: number; peakS: number; share: number }[] = [];
  /** There are more than the maximum. */
  isCut = false;
  readonly #wanted: Uint8Array;
  readonly #count: number;
  readonly #maxMoments: number;

  constructor(box: PictureBox, maxMoments: number) {
    this.#wanted = cellsOf(box);
    this.#count = count(this.#wanted);
    this.#maxMoments = maxMoments;
  }

  /** The next second in which something moved. @param bits of the cells */
  add(second: number, bits: Uint8Array): void {
    let hits = 0;
    for (let i = 0; i < CELL_BYTES; i += 1) {
      hits += ones((bits[i] as number) & (this.#wanted[i] as number));
    }
    if (hits === 0 || this.isCut) {
      return;
    }
    const share = hits / this.#count;
    const last = this.moments.at(-1);
    // A short rest does not end a moment.
    if (last && second - (last.startS + last.seconds) <= 5) {
      last.seconds = second + 1 - last.startS;
      if (share > last.share) {
        last.peakS = second;
        last.share = share;
      }
    } else if (this.moments.length === this.#maxMoments) {
      this.isCut = true;
    } else {
      this.moments.push({ startS: second, seconds: 1, peakS: second, share });
    }
  }
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
