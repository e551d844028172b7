import type { BlockGrid } from './block-areas.ts';

/** The picture in cells of 120x120 pixels of 1080p. */
export const CELL_COLUMNS = 16;
export const CELL_ROWS = 9;
const CELLS = CELL_COLUMNS * CELL_ROWS;
/** A bit for each cell, row by row. */
export const CELL_BYTES = CELLS / 8;

/** The cells in which something moves: their blocks stand out in two pictures in a row, there or next to it. Zones and masks have no effect. */
export class MovedCells {
  /** Bits of the cells in which something has moved since `clear`. */
  readonly bits = new Uint8Array(CELL_BYTES);
  isEmpty = true;
  /** A picture was compared with the one before since `clear`. */
  hasLooked = false;
  /** The cell of each block. */
  readonly #cellOf: Uint8Array;
  /** Bits above the limits of the blocks of each cell and of its neighbours, in the last picture and in the one before. */
  #sums = new Float32Array(CELLS);
  #before = new Float32Array(CELLS);
  readonly #own = new Float32Array(CELLS);
  #timeMs = Number.NaN;

  constructor({ columns, rows, across, down }: BlockGrid) {
    this.#cellOf = new Uint8Array(columns * rows);
    for (let block = 0; block < this.#cellOf.length; block += 1) {
      const column = Math.min(CELL_COLUMNS - 1, Math.floor((((block % columns) + 0.5) / across) * CELL_COLUMNS));
      const row = Math.min(CELL_ROWS - 1, Math.floor(((Math.floor(block / columns) + 0.5) / down) * CELL_ROWS));
      this.#cellOf[block] = row * CELL_COLUMNS + column;
    }
  }

  /** @param excess bits of each block above its limit @param leastBits of a cell and its neighbours */
  add(excess: Float32Array, leastBits: number, timeMs: number): void {
    const own = this.#own.fill(0);
    let all = 0;
    for (let block = 0; block < excess.length; block += 1) {
      const bits = excess[block] as number;
      if (bits > 0) {
        const cell = this.#cellOf[block] as number;
        own[cell] = (own[cell] as number) + bits;
        all += bits;
      }
    }
    const sums = this.#before;
    this.#before = this.#sums;
    this.#sums = sums.fill(0);
    // Pictures further apart do not confirm each other.
    const isNext = timeMs - this.#timeMs < 2_000;
    this.#timeMs = timeMs;
    this.hasLooked ||= isNext;
    if (all < leastBits) {
      return;
    }
    for (let cell = 0; cell < CELLS; cell += 1) {
      const sum = sumAround(own, cell);
      sums[cell] = sum;
      if (isNext && own[cell] !== 0 && sum >= leastBits && (this.#before[cell] as number) >= leastBits) {
        this.bits[cell >> 3] = (this.bits[cell >> 3] as number) | (1 << (cell & 7));
        this.isEmpty = false;
      }
    }
  }

  clear(): void {
    this.bits.fill(0);
    this.isEmpty = true;
    this.hasLooked = false;
  }
}

function sumAround(own: Float32Array, cell: number): number {
  const column = cell % CELL_COLUMNS;
  const row = (cell - column) / CELL_COLUMNS;
  let sum = 0;
  for (let y = Math.max(0, row - 1); y <= Math.min(CELL_ROWS - 1, row + 1); y += 1) {
    for (let x = Math.max(0, column - 1); x <= Math.min(CELL_COLUMNS - 1, column + 1); x += 1) {
      sum += own[y * CELL_COLUMNS + x] as number;
    }
  }
  return sum;
}
