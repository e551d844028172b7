import type { BlockGrid } from './block-areas.ts';

/** The picture in cells of 120x120 pixels of 1080p. */
export const CELL_COLUMNS = 16;
export const CELL_ROWS = 9;
const CELLS = CELL_COLUMNS * CELL_ROWS;
/** The last 16 s, in quarters of a second. */
const SLOTS = 64;
const SLOT_MS = 250;
/** A bit for each cell, row by row. */
export const CELL_BYTES = CELLS / 8;

/** In shares of the picture. */
interface ShareBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

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
  /** When two pictures were compared last. */
  #lookedMs = Number.NaN;
  /** Bits of the cells that moved in the last quarters of a second, and which quarter each of them is. */
  readonly #recent = new Uint8Array(SLOTS * CELL_BYTES);
  readonly #quarters = new Float64Array(SLOTS);

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
    this.#lookedMs = isNext ? timeMs : this.#lookedMs;
    if (all < leastBits) {
      return;
    }
    const recent = this.#recentAt(timeMs);
    for (let cell = 0; cell < CELLS; cell += 1) {
      const sum = sumAround(own, cell);
      sums[cell] = sum;
      if (isNext && own[cell] !== 0 && sum >= leastBits && (this.#before[cell] as number) >= leastBits) {
        this.bits[cell >> 3] = (this.bits[cell >> 3] as number) | (1 << (cell & 7));
        this.isEmpty = false;
        this.#recent[recent + (cell >> 3)] = (this.#recent[recent + (cell >> 3)] as number) | (1 << (cell & 7));
      }
    }
  }

  /**
   * Share of the box that lies in cells in which something has moved, in times of `add` within the last 15 s.
   * @returns undefined if the pictures of that time were not compared, or are older
   */
  shareIn({ x, y, width, height }: ShareBox, fromMs: number, untilMs: number): number | undefined {
    // Older quarters of a second are no longer there.
    const isGone = fromMs < this.#lookedMs - (SLOTS - 1) * SLOT_MS;
    if (!(this.#lookedMs >= fromMs) || isGone || width <= 0 || height <= 0) {
      return undefined;
    }
    const [first, last] = [Math.floor(fromMs / SLOT_MS), Math.floor(untilMs / SLOT_MS)];
    let moved = 0;
    for (let cell = 0; cell < CELLS; cell += 1) {
      const [column, row] = [columnOf(cell), rowOf(cell)];
      const across = overlap(x, x + width, column / CELL_COLUMNS, (column + 1) / CELL_COLUMNS);
      const down = overlap(y, y + height, row / CELL_ROWS, (row + 1) / CELL_ROWS);
      if (across * down > 0 && this.#hasMoved(cell, first, last)) {
        moved += across * down;
      }
    }
    return moved / (width * height);
  }

  /**
   * The box around the cells in which something has moved, in times as for `shareIn`: of cells next to each other that have moved all
   * count, or none does. @param counts whether motion at a point counts @returns undefined: nothing
   */
  boxOf(fromMs: number, untilMs: number, counts: (x: number, y: number) => boolean): ShareBox | undefined {
    const [first, last] = [Math.floor(fromMs / SLOT_MS), Math.floor(untilMs / SLOT_MS)];
    const cells = Array.from({ length: CELLS }, (_, cell) => cell).filter((cell) => this.#hasMoved(cell, first, last));
    const isIn = (cell: number): boolean =>
      counts((columnOf(cell) + 0.5) / CELL_COLUMNS, (rowOf(cell) + 0.5) / CELL_ROWS);
    // The set grows while it is read: cells that moved next to one that counts, and next to these.
    const counted = new Set(cells.filter(isIn));
    for (const cell of counted) {
      for (const other of cells) {
        if (Math.abs(columnOf(cell) - columnOf(other)) <= 1 && Math.abs(rowOf(cell) - rowOf(other)) <= 1) {
          counted.add(other);
        }
      }
    }
    if (counted.size === 0) {
      return undefined;
    }
    const [columns, rows] = [[...counted].map(columnOf), [...counted].map(rowOf)];
    const [x, y] = [Math.min(...columns), Math.min(...rows)];
    return {
      x: x / CELL_COLUMNS,
      y: y / CELL_ROWS,
      width: (Math.max(...columns) + 1 - x) / CELL_COLUMNS,
      height: (Math.max(...rows) + 1 - y) / CELL_ROWS,
    };
  }

  #hasMoved(cell: number, first: number, last: number): boolean {
    for (let slot = 0; slot < SLOTS; slot += 1) {
      const quarter = this.#quarters[slot] as number;
      const bits = this.#recent[slot * CELL_BYTES + (cell >> 3)] as number;
      if (quarter >= first && quarter <= last && (bits & (1 << (cell & 7))) !== 0) {
        return true;
      }
    }
    return false;
  }

  /** Offset of the bits of the present quarter of a second. */
  #recentAt(timeMs: number): number {
    const quarter = Math.floor(timeMs / SLOT_MS);
    const slot = ((quarter % SLOTS) + SLOTS) % SLOTS;
    const at = slot * CELL_BYTES;
    if (this.#quarters[slot] !== quarter) {
      this.#quarters[slot] = quarter;
      this.#recent.fill(0, at, at + CELL_BYTES);
    }
    return at;
  }

  clear(): void {
    this.bits.fill(0);
    this.isEmpty = true;
    this.hasLooked = false;
  }
}

const columnOf = (cell: number): number => cell % CELL_COLUMNS;
const rowOf = (cell: number): number => Math.floor(cell / CELL_COLUMNS);

const overlap = (from: number, until: number, otherFrom: number, otherUntil: number): number =>
  Math.max(0, Math.min(until, otherUntil) - Math.max(from, otherFrom));

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
