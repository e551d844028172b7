import { BAR_CELL_HEIGHT, BAR_COLUMNS, BAR_LINES, BAR_TOP, timeBarCells } from '../../../agent/demo-camera/picture.ts';

/** Least difference of black and white in a readable picture. */
const MIN_CONTRAST = 40;

/**
 * The Unix milliseconds of a decoded picture; undefined without a readable bar.
 * Works at any scale at which a cell has a few pixels.
 * @param luma Y or grey, or the one channel of it; `stride` bytes from line to line
 */
export function readTimeBar(luma: Uint8Array, width: number, height: number, stride: number): number | undefined {
  const levels = new Float64Array(BAR_COLUMNS * BAR_LINES);
  for (let i = 0; i < levels.length; i += 1) {
    levels[i] = cellLevel(luma, width, height, stride, i % BAR_COLUMNS, Math.floor(i / BAR_COLUMNS));
  }
  // The first two cells of the sync are white and black.
  const white = levels[0] as number;
  const black = levels[1] as number;
  if (!(white - black >= MIN_CONTRAST)) {
    return undefined;
  }
  const cells = Uint8Array.from(levels, (level) => (level * 2 > white + black ? 1 : 0));
  const low = take(cells, 4, 32);
  const high = take(cells, 44, 16);
  const expected = new Uint8Array(cells.length);
  timeBarCells(high * 2 ** 32 + low, expected);
  return cells.every((cell, i) => cell === expected[i]) ? high * 2 ** 32 + low : undefined;
}

/** Mean of the inner quarter of a cell: scaling and compression blur its edges. */
function cellLevel(luma: Uint8Array, width: number, height: number, stride: number, column: number, line: number) {
  const cellWidth = width / BAR_COLUMNS;
  const cellHeight = height * BAR_CELL_HEIGHT;
  const top = height * BAR_TOP + line * cellHeight;
  const left = column * cellWidth;
  let sum = 0;
  let count = 0;
  for (let y = Math.floor(top + cellHeight / 4); y < top + (cellHeight * 3) / 4; y += 1) {
    for (let x = Math.floor(left + cellWidth / 4); x < left + (cellWidth * 3) / 4; x += 1) {
      sum += luma[y * stride + x] ?? Number.NaN;
      count += 1;
    }
  }
  return sum / count;
}

function take(cells: Uint8Array, at: number, bits: number): number {
  let value = 0;
  for (let i = 0; i < bits; i += 1) {
    value = value * 2 + (cells[at + i] ?? 0);
  }
  return value;
}
