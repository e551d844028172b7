import { type Colour, Frame } from '../media/h264/encode/frame.ts';
import { GLYPH_COLUMNS, GLYPH_LINES, glyphDots } from '../media/h264/encode/glyphs.ts';

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

/** All positions are in pixels of a picture of this width; a smaller picture is the same scene, scaled. */
const DESIGN_WIDTH = 640;
const DOT = 4;
const CHARACTER_STEP = (GLYPH_COLUMNS + 1) * DOT;
/** The milliseconds begin at a macroblock's edge, and each line of text lies within two: few macroblocks change. */
const PANEL = { left: 176, top: 96, width: 304, height: 64 };
const DATE = { left: 208, top: 98 };
const TIME = { left: 184, top: 130 };

const WHITE: Colour = [235, 128, 128];
const BLACK: Colour = [16, 128, 128];
const NIGHT: Colour = [34, 134, 124];
const SUN: Colour = [220, 72, 148];
const FAR_HILLS: Colour = [104, 136, 112];
const NEAR_HILLS: Colour = [76, 116, 108];
const RAILS: Colour = [48, 124, 128];
const ENGINE: Colour = [92, 104, 200];
const WAGON: Colour = [172, 112, 142];
const WINDOWS: Colour = [40, 132, 124];

/** A train passes at the beginning of each minute. It lies within one line of macroblocks; its positions are whole chroma samples in both sizes. */
const TRAIN = { top: 288, height: 16, step: 4, pixelsPerSecond: 60, everyMs: 60_000 };
const CAR = { width: 56, step: 60 };
const CARS: readonly Colour[] = [WAGON, WAGON, ENGINE];
const TRAIN_WIDTH = CARS.length * CAR.step;
const WINDOW = { left: 4, top: 4, width: 12, height: 4, step: 16, count: 3 };

/** The demo camera's scene: a still landscape with a train, the date, the time to the millisecond and the time bar. */
export class Picture {
  readonly frame: Frame;
  /** The landscape alone. */
  readonly #still: Frame;
  readonly #scale: number;
  readonly #date = new TextLine(DATE.left, DATE.top, '----------');
  readonly #time = new TextLine(TIME.left, TIME.top, '--:--:--.---');
  readonly #cells = new Uint8Array(BAR_COLUMNS * BAR_LINES).fill(255);
  readonly #nextCells = new Uint8Array(BAR_COLUMNS * BAR_LINES);
  /** Left end of the train in the frame. */
  #trainLeft = -TRAIN_WIDTH;

  /** @param width,height 640x360, or a half of it */
  constructor(width: number, height: number) {
    this.frame = new Frame(width, height);
    this.#scale = width / DESIGN_WIDTH;
    drawSky(this.frame);
    drawSun(this.frame, this.#scale);
    drawHills(this.frame, this.#scale, FAR_HILLS, 236, 22, 150);
    drawHills(this.frame, this.#scale, NEAR_HILLS, 268, 14, 95);
    fillScaled(this.frame, this.#scale, 0, TRAIN.top + TRAIN.height, DESIGN_WIDTH, 4, RAILS);
    fillScaled(this.frame, this.#scale, PANEL.left, PANEL.top, PANEL.width, PANEL.height, NIGHT);
    this.#still = new Frame(width, height);
    this.#still.copy(this.frame, 0, 0, this.frame.stride, this.frame.rows * 16);
  }

  /** Draws the time in this box's time zone. Changes only what differs from the last one. */
  draw(unixMs: number): void {
    const moment = new Date(unixMs);
    const date = this.#date;
    date.digits(0, 4, moment.getFullYear());
    date.digits(5, 2, moment.getMonth() + 1);
    date.digits(8, 2, moment.getDate());
    date.draw(this.frame, this.#scale);
    const time = this.#time;
    time.digits(0, 2, moment.getHours());
    time.digits(3, 2, moment.getMinutes());
    time.digits(6, 2, moment.getSeconds());
    time.digits(9, 3, moment.getMilliseconds());
    time.draw(this.frame, this.#scale);
    this.#drawTrain(unixMs);
    this.#drawBar(unixMs);
  }

  #drawTrain(unixMs: number): void {
    const run = ((unixMs % TRAIN.everyMs) / 1000) * TRAIN.pixelsPerSecond;
    const left = Math.min(TRAIN.step * Math.floor(run / TRAIN.step) - TRAIN_WIDTH, DESIGN_WIDTH);
    if (left === this.#trainLeft) {
      return;
    }
    this.#uncover(this.#trainLeft);
    this.#trainLeft = left;
    for (const [i, colour] of CARS.entries()) {
      const car = left + i * CAR.step;
      this.#fillOnRails(car, 0, CAR.width, TRAIN.height, colour);
      for (let window = 0; window < WINDOW.count; window += 1) {
        const at = car + WINDOW.left + window * WINDOW.step;
        this.#fillOnRails(at, WINDOW.top, WINDOW.width, WINDOW.height, WINDOWS);
      }
    }
  }

  /** Draws the landscape where the train was. */
  #uncover(trainLeft: number): void {
    const [left, right] = within(trainLeft, TRAIN_WIDTH);
    const scale = this.#scale;
    if (left < right) {
      const { top, height } = TRAIN;
      this.frame.copy(this.#still, left * scale, top * scale, (right - left) * scale, height * scale);
    }
  }

  /** @param below top of the train */
  #fillOnRails(from: number, below: number, width: number, height: number, colour: Colour): void {
    const [left, right] = within(from, width);
    if (left < right) {
      fillScaled(this.frame, this.#scale, left, TRAIN.top + below, right - left, height, colour);
    }
  }

  #drawBar(unixMs: number): void {
    const { frame } = this;
    const next = this.#nextCells;
    timeBarCells(unixMs, next);
    const width = frame.width / BAR_COLUMNS;
    const height = frame.height * BAR_CELL_HEIGHT;
    for (let i = 0; i < next.length; i += 1) {
      if (next[i] !== this.#cells[i]) {
        const top = frame.height * BAR_TOP + Math.floor(i / BAR_COLUMNS) * height;
        frame.fill((i % BAR_COLUMNS) * width, top, width, height, next[i] === 1 ? WHITE : BLACK);
      }
    }
    this.#cells.set(next);
  }
}

/** The edges of what is inside the picture; nothing: the first is not below the second. */
const within = (left: number, width: number): readonly [left: number, right: number] => [
  Math.max(0, left),
  Math.min(DESIGN_WIDTH, left + width),
];

/** A line of text at a position; draws changed characters only. */
class TextLine {
  readonly #left: number;
  readonly #top: number;
  readonly #characters: string[];
  readonly #shown: string[];

  constructor(left: number, top: number, text: string) {
    this.#left = left;
    this.#top = top;
    this.#characters = [...text];
    this.#shown = this.#characters.map(() => '');
  }

  digits(at: number, count: number, value: number): void {
    let rest = value;
    for (let i = at + count - 1; i >= at; i -= 1) {
      this.#characters[i] = '0123456789'.charAt(rest % 10);
      rest = Math.floor(rest / 10);
    }
  }

  draw(frame: Frame, scale: number): void {
    for (let i = 0; i < this.#characters.length; i += 1) {
      const character = this.#characters[i] as string;
      if (character !== this.#shown[i]) {
        this.#shown[i] = character;
        drawCharacter(frame, scale, this.#left + i * CHARACTER_STEP, this.#top, character);
      }
    }
  }
}

function drawCharacter(frame: Frame, scale: number, left: number, top: number, character: string): void {
  fillScaled(frame, scale, left, top, GLYPH_COLUMNS * DOT, GLYPH_LINES * DOT, NIGHT);
  for (const [column, line] of glyphDots(character)) {
    fillScaled(frame, scale, left + column * DOT, top + line * DOT, DOT, DOT, WHITE);
  }
}

function fillScaled(
  frame: Frame,
  scale: number,
  left: number,
  top: number,
  width: number,
  height: number,
  colour: Colour,
): void {
  frame.fill(left * scale, top * scale, width * scale, height * scale, colour);
}

/** Bands of whole macroblocks from blue to a warm horizon; they continue below the hills and the visible picture. */
function drawSky(frame: Frame): void {
  for (let row = 0; row < frame.rows; row += 1) {
    const depth = Math.min(1, row / frame.rows / 0.7);
    const colour = [mix(112, 184, depth), mix(158, 118, depth), mix(104, 138, depth)] as const;
    frame.fill(0, row * 16, frame.stride, 16, colour);
  }
}

function drawSun(frame: Frame, scale: number): void {
  const radius = 28;
  for (let y = -radius; y < radius; y += 2 / scale) {
    const halfWidth = 2 * Math.round((Math.sqrt(radius ** 2 - (y + 1 / scale) ** 2) * scale) / 2);
    frame.fill(540 * scale - halfWidth, (56 + y) * scale, 2 * halfWidth, 2, SUN);
  }
}

/** A wavy line and the area below it, in steps of two pixels to align chroma with luma. */
function drawHills(frame: Frame, scale: number, colour: Colour, top: number, swing: number, wave: number): void {
  for (let x = 0; x < frame.stride; x += 2) {
    const at = x / scale / wave;
    const y = top + swing * (Math.sin(at) + 0.4 * Math.sin(2.3 * at + 1));
    const start = 2 * Math.round((y * scale) / 2);
    frame.fill(x, start, 2, frame.rows * 16 - start, colour);
  }
}

function mix(from: number, to: number, part: number): number {
  return Math.round(from + (to - from) * part);
}
