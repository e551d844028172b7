import { bandLayout } from '../../../agent/media/aac/decode/bands.ts';
import {
  EIGHT_SHORT,
  INTENSITY_BOOK,
  LONG_START,
  NOISE_BOOK,
  ONLY_LONG,
  OPPOSITE_BOOK,
} from '../../../agent/media/aac/decode/channel.ts';
import { type Codebook, SCALE_FACTOR_BOOK, SPECTRAL_BOOKS } from '../../../agent/media/aac/decode/codebooks.ts';
import { Bits } from './aac-bits.ts';
import { ADTS_RATES_HZ, withAdts } from './adts.ts';

const LARGEST = [1, 1, 2, 2, 4, 4, 7, 7, 12, 12, 16];
const MAX_ESCAPED = 8191;
const ESCAPE_BOOK = 11;
/** Root of the energy that a coefficient has in the middle: full scale in 16 bits is some twenty times as much as a long window of these. */
const LEVEL = 150_000;

interface Windows {
  readonly sequence: number;
  readonly shape: number;
  readonly borders: Uint16Array;
  readonly bands: number;
  /** Windows in each group. */
  readonly groups: readonly number[];
}

/** Random frames of AAC-LC with all of its syntax: a decoder must accept even frames that no encoder makes. */
export class AacFrames {
  readonly #rateHz: number;
  readonly #next: () => number;
  #sequence = ONLY_LONG;
  #bits = new Bits();

  constructor(rateHz: number, next: () => number) {
    this.#rateHz = rateHz;
    this.#next = next;
  }

  /** @param elements channels of each element with sound, 1 or 2; `program`: the element that describes them */
  frame(...elements: readonly (1 | 2 | 'program')[]): Uint8Array {
    const bits = new Bits();
    this.#bits = bits;
    this.#sequence = this.#nextSequence();
    for (const element of elements) {
      if (element === 'program') {
        this.#writeProgram(elements.filter((channels) => channels !== 'program'));
        continue;
      }
      this.#writeSilent();
      if (element === 1) {
        bits.put(0, 3);
        bits.put(0, 4);
        this.#writeChannel(undefined, []);
      } else {
        this.#writePair();
      }
    }
    this.#writeSilent();
    bits.put(7, 3);
    return bits.bytes();
  }

  /** With the header that makes a file of frames. */
  adtsFrame(channels: 1 | 2): Uint8Array {
    const frame = this.frame(channels);
    return withAdts(frame, this.#rateHz, channels);
  }

  #below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  #chance(share: number): boolean {
    return this.#next() < share;
  }

  #nextSequence(): number {
    const isShort = this.#sequence === LONG_START || this.#sequence === EIGHT_SHORT;
    return isShort ? EIGHT_SHORT + this.#below(2) : this.#below(2);
  }

  /** Data and fill elements. */
  #writeSilent(): void {
    const bits = this.#bits;
    if (this.#chance(0.1)) {
      bits.put(4, 3);
      bits.put(this.#below(16), 4);
      const isAligned = this.#below(2);
      const count = this.#chance(0.2) ? 255 + this.#below(40) : this.#below(20);
      bits.put(isAligned, 1);
      bits.put(Math.min(count, 255), 8);
      if (count >= 255) {
        bits.put(count - 255, 8);
      }
      if (isAligned === 1) {
        bits.align();
      }
      this.#noise(count);
    }
    if (this.#chance(0.1)) {
      bits.put(6, 3);
      const count = this.#below(40);
      bits.put(Math.min(count, 15), 4);
      if (count >= 15) {
        bits.put(count - 14, 8);
      }
      for (let i = 0; i < count; i += 1) {
        bits.put(0, 8); // EXT_FILL
      }
    }
  }

  #writeProgram(channels: readonly number[]): void {
    const bits = this.#bits;
    bits.put(5, 3);
    bits.put(0, 4);
    bits.put(1, 2); // AAC-LC
    bits.put(ADTS_RATES_HZ.indexOf(this.#rateHz), 4);
    bits.put(channels.length, 4);
    bits.put(0, 4 + 4 + 2 + 3 + 4 + 3);
    for (const [tag, count] of channels.entries()) {
      bits.put(count - 1, 1);
      bits.put(tag, 4);
    }
    bits.align();
    bits.put(2, 8);
    bits.put(0x6869, 16); // comment
  }

  #noise(bytes: number): void {
    for (let i = 0; i < bytes; i += 1) {
      this.#bits.put(this.#below(256), 8);
    }
  }

  #writePair(): void {
    const bits = this.#bits;
    bits.put(1, 3);
    bits.put(0, 4);
    const isCommon = this.#chance(0.7);
    bits.put(isCommon ? 1 : 0, 1);
    if (!isCommon) {
      this.#writeChannel(undefined, []);
      this.#writeChannel(undefined, [INTENSITY_BOOK, OPPOSITE_BOOK]);
      return;
    }
    const windows = this.#writeWindows();
    const mask = this.#below(3);
    bits.put(mask, 2);
    for (let i = 0; mask === 1 && i < windows.groups.length * windows.bands; i += 1) {
      bits.put(this.#below(2), 1);
    }
    // Where noise or intensity meets middle and side, decoders differ: not both.
    this.#writeChannel(windows, mask === 0 ? [NOISE_BOOK] : []);
    this.#writeChannel(windows, mask === 2 ? [] : [INTENSITY_BOOK, OPPOSITE_BOOK]);
  }

  #writeWindows(): Windows {
    const bits = this.#bits;
    const layout = bandLayout(this.#rateHz);
    const isShort = this.#sequence === EIGHT_SHORT;
    const borders = isShort ? layout.short : layout.long;
    const bands = this.#chance(0.1) ? 0 : 1 + this.#below(borders.length - 1);
    const shape = this.#below(2);
    bits.put(0, 1);
    bits.put(this.#sequence, 2);
    bits.put(shape, 1);
    bits.put(bands, isShort ? 4 : 6);
    const groups = [1];
    for (let window = 1; isShort && window < 8; window += 1) {
      const isSame = this.#chance(0.5);
      bits.put(isSame ? 1 : 0, 1);
      if (isSame) {
        groups.push((groups.pop() ?? 0) + 1);
      } else {
        groups.push(1);
      }
    }
    if (!isShort) {
      bits.put(0, 1);
    }
    return { sequence: this.#sequence, shape, borders, bands, groups };
  }

  /**
   * @param common the windows, if they were sent before
   * @param special books without codes that may be used
   */
  #writeChannel(common: Windows | undefined, special: readonly number[]): void {
    const bits = this.#bits;
    const gain = 40 + this.#below(140);
    bits.put(gain, 8);
    const windows = common ?? this.#writeWindows();
    const allowed = common ? special : [...special, NOISE_BOOK];
    const books = this.#writeSections(windows, allowed);
    this.#writeScales(windows, books, gain);
    const isLong = windows.sequence !== EIGHT_SHORT;
    const hasPulses = isLong && windows.bands > 4 && this.#chance(0.3);
    bits.put(hasPulses ? 1 : 0, 1);
    if (hasPulses) {
      this.#writePulses(windows);
    }
    const isShaped = this.#chance(0.4);
    bits.put(isShaped ? 1 : 0, 1);
    if (isShaped) {
      this.#writeShapers(windows);
    }
    bits.put(0, 1);
    this.#writeSpectrum(windows, books);
  }

  #writeSections({ sequence, bands, groups }: Windows, special: readonly number[]): number[] {
    const lengthBits = sequence === EIGHT_SHORT ? 3 : 5;
    const more = (1 << lengthBits) - 1;
    const books: number[] = [];
    for (const _ of groups) {
      for (let band = 0; band < bands; ) {
        const book = this.#chance(0.2) ? (special[this.#below(special.length)] ?? 0) : this.#below(12);
        const length = Math.min(bands - band, this.#chance(0.1) ? 40 : 1 + this.#below(6));
        this.#bits.put(book, 4);
        for (let left = length; left >= 0; left -= more) {
          this.#bits.put(Math.min(left, more), lengthBits);
        }
        books.push(...Array.from({ length }, () => book));
        band += length;
      }
    }
    return books;
  }

  #writeScales({ sequence, borders, bands }: Windows, books: readonly number[], gain: number): void {
    const last = { level: gain, position: 0, noise: gain - 90 };
    let isFirstNoise = true;
    const level = LEVEL * 2 ** (2 - 8 * this.#next()) * (sequence === EIGHT_SHORT ? 0.3 : 1);
    for (const [i, book] of books.entries()) {
      const width = (borders[(i % bands) + 1] ?? 0) - (borders[i % bands] ?? 0);
      if (book === INTENSITY_BOOK || book === OPPOSITE_BOOK) {
        last.position = this.#writeStep(last.position, this.#below(40) - 8);
      } else if (book === NOISE_BOOK) {
        const wanted = Math.round(4 * Math.log2(level * Math.sqrt(width))) - 8;
        if (isFirstNoise) {
          last.noise += Math.min(Math.max(wanted - last.noise, -256), 255);
          this.#bits.put(last.noise - (gain - 90) + 256, 9);
        } else {
          last.noise = this.#writeStep(last.noise, wanted);
        }
        isFirstNoise = false;
      } else if (book > 0) {
        const largest = book === ESCAPE_BOOK ? 300 : (LARGEST[book - 1] ?? 0);
        const wanted = 100 + Math.round(4 * Math.log2(level / largest ** (4 / 3)));
        last.level = this.#writeStep(last.level, Math.min(Math.max(wanted, 0), 255));
      }
    }
  }

  #writeStep(from: number, to: number): number {
    const step = Math.min(Math.max(to - from, -60), 60);
    this.#bits.code(SCALE_FACTOR_BOOK, step + 60);
    return from + step;
  }

  #writePulses({ borders, bands }: Windows): void {
    const count = 1 + this.#below(4);
    const band = this.#below(bands);
    this.#bits.put(count - 1, 2);
    this.#bits.put(band, 6);
    let place = borders[band] ?? 0;
    for (let i = 0; i < count; i += 1) {
      const step = Math.min(this.#below(32), (borders[bands] ?? 0) - 1 - place);
      place += step;
      this.#bits.put(step, 5);
      this.#bits.put(this.#below(16), 4);
    }
  }

  #writeShapers({ sequence }: Windows): void {
    const bits = this.#bits;
    const isShort = sequence === EIGHT_SHORT;
    for (let window = 0; window < (isShort ? 8 : 1); window += 1) {
      const filters = this.#below(isShort ? 2 : 4);
      const isFine = this.#below(2);
      bits.put(filters, isShort ? 1 : 2);
      if (filters > 0) {
        bits.put(isFine, 1);
      }
      for (let i = 0; i < filters; i += 1) {
        const order = this.#below(isShort ? 8 : 13);
        bits.put(this.#below(isShort ? 16 : 64), isShort ? 4 : 6);
        bits.put(order, isShort ? 3 : 5);
        if (order > 0) {
          const isCompressed = this.#below(2);
          const size = 3 + isFine - isCompressed;
          bits.put(this.#below(2), 1);
          bits.put(isCompressed, 1);
          for (let k = 0; k < order; k += 1) {
            // Small coefficients: a filter that rings for long would only overflow.
            bits.put((this.#below(3) - 1) & ((1 << size) - 1), size);
          }
        }
      }
    }
  }

  #writeSpectrum({ borders, bands, groups }: Windows, books: readonly number[]): void {
    for (const [group, windows] of groups.entries()) {
      for (let band = 0; band < bands; band += 1) {
        const width = (borders[band + 1] ?? 0) - (borders[band] ?? 0);
        const book = books[group * bands + band] ?? 0;
        if (book > 0 && book <= ESCAPE_BOOK) {
          this.#writeValues(book, width * windows);
        }
      }
    }
  }

  #writeValues(book: number, count: number): void {
    const table = SPECTRAL_BOOKS[book - 1] as Codebook;
    const largest = LARGEST[book - 1] ?? 0;
    const isSigned = [1, 2, 5, 6].includes(book);
    const perCode = book <= 4 ? 4 : 2;
    const limit = book === ESCAPE_BOOK ? 2 ** (this.#next() * 9) : largest;
    for (let at = 0; at < count; at += perCode) {
      const values = Array.from({ length: perCode }, () => this.#value(limit, book === ESCAPE_BOOK));
      const digits = values.map((value) => (isSigned ? value + largest : Math.min(Math.abs(value), largest)));
      const base = isSigned ? 2 * largest + 1 : largest + 1;
      this.#bits.code(
        table,
        digits.reduce((symbol, digit) => symbol * base + digit, 0),
      );
      for (const value of isSigned ? [] : values.filter((value) => value !== 0)) {
        this.#bits.put(value < 0 ? 1 : 0, 1);
      }
      for (const value of values.map(Math.abs).filter((value) => book === ESCAPE_BOOK && value >= 16)) {
        const ones = Math.floor(Math.log2(value)) - 4;
        this.#bits.put(2 ** (ones + 1) - 2, ones + 1);
        this.#bits.put(value - 2 ** (ones + 4), ones + 4);
      }
    }
  }

  #value(limit: number, isEscaped: boolean): number {
    const most = isEscaped && this.#chance(0.001) ? MAX_ESCAPED : limit;
    return Math.round((2 * this.#next() - 1) * most);
  }
}
