/*
 * The time bar: two lines of 40 black or white cells, 16x16 pixels each in a picture of 640x360, at four fifths of its height and below.
 *
 *   line 0: sync 1010 | bits 31-0 of the Unix milliseconds           | sync 0101
 *   line 1: sync 0101 | bits 47-32 | 10100101 | CRC-8 of the 48 bits | sync 1010
 *
 * Bits that change from picture to picture are in the same columns of both lines, so few macroblocks change.
 */

export const BAR_COLUMNS = 40;
export const BAR_LINES = 2;
/** Top of the bar and height of a cell as parts of the picture's height. */
export const BAR_TOP = 320 / 360;
export const BAR_CELL_HEIGHT = 16 / 360;
const SYNC = 0b1010;
const SYNC_INVERSE = 0b0101;
const FILL = 0b10100101;
/** Least difference of black and white in a readable picture. */
const MIN_CONTRAST = 40;

/** The cells of a time, line after line, 1 = white. */
export function timeBarCells(unixMs: number, cells: Uint8Array): void {
  const low = unixMs % 2 ** 32;
  const high = Math.floor(unixMs / 2 ** 32) & 0xffff;
  put(cells, 0, SYNC, 4);
  put(cells, 4, low, 32);
  put(cells, 36, SYNC_INVERSE, 4);
  put(cells, 40, SYNC_INVERSE, 4);
  put(cells, 44, high, 16);
  put(cells, 60, FILL, 8);
  put(cells, 68, crc8(high, low), 8);
  put(cells, 76, SYNC, 4);
}

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

function put(cells: Uint8Array, at: number, value: number, bits: number): void {
  for (let i = 0; i < bits; i += 1) {
    cells[at + i] = (value >>> (bits - 1 - i)) & 1;
  }
}

function take(cells: Uint8Array, at: number, bits: number): number {
  let value = 0;
  for (let i = 0; i < bits; i += 1) {
    value = value * 2 + (cells[at + i] ?? 0);
  }
  return value;
}

/** CRC-8 with the polynomial x^8 + x^2 + x + 1, over 16 + 32 bits. */
function crc8(high: number, low: number): number {
  let crc = 0;
  for (let bit = 47; bit >= 0; bit -= 1) {
    const next = bit >= 32 ? (high >>> (bit - 32)) & 1 : (low >>> bit) & 1;
    const carry = (crc >> 7) ^ next;
    crc = ((crc << 1) & 0xff) ^ (carry ? 0x07 : 0);
  }
  return crc;
}
