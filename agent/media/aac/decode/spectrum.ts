import { PerchError } from '../../../base/errors.ts';
import type { FrameBits } from './bits.ts';
import { type Channel, NOISE_BOOK, SHORT_SAMPLES, ZERO_BOOK } from './channel.ts';
import { ESCAPE, ESCAPE_BOOK, LARGEST_VALUES, LAST_BOOK_OF_FOUR, SIGNED_BOOKS, SPECTRAL_BOOKS } from './codebooks.ts';
import { HuffmanDecoder } from './huffman.ts';
import type { NoiseSource } from './noise.ts';

const MAX_ESCAPE_PREFIX = 8;

/** Reads coefficients that are coded with one of the books 1 to 11 (§4.6.3.3). */
class SpectralBook {
  readonly #codes: HuffmanDecoder;
  readonly #isSigned: boolean;
  readonly #hasEscapes: boolean;
  readonly #valuesPerCode: 2 | 4;
  /** The values of each symbol. */
  readonly #values: Int8Array;

  /** @param number 1 to 11 */
  constructor(number: number, codes: HuffmanDecoder) {
    const largest = LARGEST_VALUES[number - 1] as number;
    this.#codes = codes;
    this.#isSigned = SIGNED_BOOKS.includes(number);
    this.#hasEscapes = number === ESCAPE_BOOK;
    this.#valuesPerCode = number <= LAST_BOOK_OF_FOUR ? 4 : 2;
    // A symbol's digits are its values, the first one most significant.
    const base = this.#isSigned ? 2 * largest + 1 : largest + 1;
    const offset = this.#isSigned ? largest : 0;
    const count = base ** this.#valuesPerCode * this.#valuesPerCode;
    this.#values = Int8Array.from({ length: count }, (_, i) => {
      const digit = this.#valuesPerCode - 1 - (i % this.#valuesPerCode);
      const symbol = Math.floor(i / this.#valuesPerCode);
      return (Math.floor(symbol / base ** digit) % base) - offset;
    });
  }

  /** Fills `[from, to)`, which is a whole number of codes: bands are multiples of four wide. */
  read(bits: FrameBits, out: Int16Array, from: number, to: number): void {
    const perCode = this.#valuesPerCode;
    const values = this.#values;
    for (let at = from; at < to; at += perCode) {
      const symbol = this.#codes.next(bits) * perCode;
      for (let i = 0; i < perCode; i += 1) {
        out[at + i] = values[symbol + i] as number;
      }
      if (!this.#isSigned) {
        readSigns(bits, out, at, at + perCode);
      }
      if (this.#hasEscapes) {
        readEscape(bits, out, at);
        readEscape(bits, out, at + 1);
      }
    }
  }
}

/** A bit for each value that is not zero. */
function readSigns(bits: FrameBits, out: Int16Array, from: number, to: number): void {
  for (let at = from; at < to; at += 1) {
    const value = out[at] as number;
    if (value !== 0 && bits.bits(1) === 1) {
      out[at] = -value;
    }
  }
}

/** A unary prefix gives the length of the number in bits (escape_sequence, §4.6.3.3). */
function readEscape(bits: FrameBits, out: Int16Array, at: number): void {
  const value = out[at] as number;
  if (value !== ESCAPE && value !== -ESCAPE) {
    return;
  }
  let ones = 0;
  while (bits.bits(1) === 1) {
    ones += 1;
    if (ones > MAX_ESCAPE_PREFIX) {
      throw new PerchError('badInput', `AAC escape of more than ${MAX_ESCAPE_PREFIX} leading ones`);
    }
  }
  const magnitude = (1 << (ones + 4)) + bits.bits(ones + 4);
  out[at] = value < 0 ? -magnitude : magnitude;
}

/** A quantised value of 13 bits at most, plus pulses. */
const MAX_QUANTISED = 8191 + 4 * 15;
/** The scale factor of gain 1, in steps of 2^(1/4) (ISO/IEC 14496-3 §4.6.2.3.3). */
export const SCALE_OFFSET = 100;
const MIN_SCALE = -256;
/** Full scale is 1 instead of 32,768. */
const GAIN = 1 / 32_768;

/** `|x| ^ (4/3)`, §4.6.1.3. */
const POWERS = Float64Array.from({ length: MAX_QUANTISED + 1 }, (_, i) => i ** (4 / 3));
/** `2 ^ (scale / 4)` from MIN_SCALE to 255. */
const LEVELS = Float64Array.from({ length: 512 }, (_, i) => 2 ** ((i + MIN_SCALE) / 4));

const BOOKS = SPECTRAL_BOOKS.map((book, i) => new SpectralBook(i + 1, new HuffmanDecoder(book)));

/** `2 ^ (scale / 4)`. @param scale -256 to 255 */
export const levelOf = (scale: number): number => LEVELS[scale - MIN_SCALE] as number;

/** spectral_data, table 4.56: the quantised coefficients of all bands; pulses are added to them (§4.6.3.3). */
export function readSpectrum(bits: FrameBits, channel: Channel): void {
  const { bands, books, borders, quantised } = channel;
  quantised.fill(0);
  let firstWindow = 0;
  for (let group = 0; group < channel.groups; group += 1) {
    const windows = channel.groupWindows[group] as number;
    for (let band = 0; band < bands; band += 1) {
      const book = BOOKS[(books[group * bands + band] as number) - 1];
      for (let window = firstWindow; book && window < firstWindow + windows; window += 1) {
        const start = window * SHORT_SAMPLES;
        book.read(bits, quantised, start + (borders[band] as number), start + (borders[band + 1] as number));
      }
      bits.check();
    }
    firstWindow += windows;
  }
  addPulses(channel);
}

function addPulses(channel: Channel): void {
  const { borders, quantised } = channel;
  let band = 0;
  for (let i = 0; i < channel.pulses; i += 1) {
    const place = channel.pulsePlaces[i] as number;
    while (place >= (borders[band + 1] as number)) {
      band += 1;
    }
    const book = band < channel.bands ? (channel.books[band] as number) : ZERO_BOOK;
    if (book !== ZERO_BOOK && book < NOISE_BOOK) {
      const value = quantised[place] as number;
      const height = channel.pulseHeights[i] as number;
      quantised[place] = value > 0 ? value + height : value - height;
    }
  }
}

/**
 * Dequantises coefficients, and fills bands that have a noise energy only.
 * @param sameNoise for the second channel of a pair: bands where it is not 0 repeat the noise of the first channel, if any (§4.6.13.3)
 * @param first the first channel of the pair
 */
export function scaleSpectrum(channel: Channel, noise: NoiseSource, first?: Channel, sameNoise?: Uint8Array): void {
  const { bands, books, borders, scales, spectrum } = channel;
  spectrum.fill(0);
  let firstWindow = 0;
  for (let group = 0; group < channel.groups; group += 1) {
    const windows = channel.groupWindows[group] as number;
    for (let band = 0; band < bands; band += 1) {
      const i = group * bands + band;
      const book = books[i] as number;
      const from = firstWindow * SHORT_SAMPLES + (borders[band] as number);
      const width = (borders[band + 1] as number) - (borders[band] as number);
      if (book === NOISE_BOOK) {
        const isSame = first?.books[i] === NOISE_BOOK && sameNoise?.[i] !== 0;
        const level = GAIN * levelOf(scales[i] as number);
        if (isSame) {
          noise.repeat(channel, i, from, width, windows, level);
        } else {
          noise.fill(channel, i, from, width, windows, level);
        }
      } else if (book !== ZERO_BOOK && book < NOISE_BOOK) {
        scaleBand(channel, from, width, windows, GAIN * levelOf((scales[i] as number) - SCALE_OFFSET));
      }
    }
    firstWindow += windows;
  }
}

function scaleBand(channel: Channel, from: number, width: number, windows: number, level: number): void {
  const { quantised, spectrum } = channel;
  for (let window = 0; window < windows; window += 1) {
    const start = from + window * SHORT_SAMPLES;
    for (let at = start; at < start + width; at += 1) {
      const value = quantised[at] as number;
      const power = POWERS[value < 0 ? -value : value] as number;
      spectrum[at] = value < 0 ? -power * level : power * level;
    }
  }
}
