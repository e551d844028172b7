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

function put(cells: Uint8Array, at: number, value: number, bits: number): void {
  for (let i = 0; i < bits; i += 1) {
    cells[at + i] = (value >>> (bits - 1 - i)) & 1;
  }
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
