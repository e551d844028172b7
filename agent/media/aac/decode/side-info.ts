import { PerchError } from '../../../base/errors.ts';
import type { BandLayout } from './bands.ts';
import type { FrameBits } from './bits.ts';
import {
  type Channel,
  INTENSITY_BOOK,
  LONG_SAMPLES,
  MAX_SHAPER_ORDER,
  NOISE_BOOK,
  OPPOSITE_BOOK,
  SHORT_WINDOWS,
  ZERO_BOOK,
} from './channel.ts';
import { SCALE_FACTOR_BOOK } from './codebooks.ts';
import { HuffmanDecoder } from './huffman.ts';

const RESERVED_BOOK = 12;
/** The symbol of table 4.A.1 for no difference. */
const NO_DIFFERENCE = 60;
const MAX_SCALE_FACTOR = 255;
const NOISE_OFFSET = 90;
const FIRST_NOISE_BITS = 9;
/** Noise and intensity are not limited by the standard; beyond this they are inaudible or overdriven. */
const MAX_LEVEL = 155;
const MIN_LEVEL = -100;

const SCALE_FACTORS = new HuffmanDecoder(SCALE_FACTOR_BOOK);

/** ics_info, ISO/IEC 14496-3 table 4.6. */
export function readWindows(bits: FrameBits, channel: Channel, layout: BandLayout): void {
  bits.skip(1); // ics_reserved_bit
  channel.windowSequence = bits.bits(2);
  channel.windowShape = bits.bits(1) as 0 | 1;
  channel.groups = 1;
  channel.groupWindows[0] = 1;
  if (channel.isShort) {
    channel.borders = layout.short;
    channel.bands = bits.bits(4);
    readGroups(bits, channel);
  } else {
    channel.borders = layout.long;
    channel.bands = bits.bits(6);
    if (bits.flag()) {
      throw new PerchError('unsupported', 'AAC frame with prediction, which AAC-LC lacks');
    }
  }
  const most = channel.borders.length - 1;
  if (channel.bands > most) {
    throw new PerchError('badInput', `AAC frame with ${channel.bands} scale factor bands, at most ${most} allowed`);
  }
}

/** scale_factor_grouping: a bit for each window but the first, set if it belongs to the group before. */
function readGroups(bits: FrameBits, channel: Channel): void {
  for (let window = 1; window < SHORT_WINDOWS; window += 1) {
    if (bits.flag()) {
      const group = channel.groups - 1;
      channel.groupWindows[group] = (channel.groupWindows[group] as number) + 1;
    } else {
      channel.groupWindows[channel.groups] = 1;
      channel.groups += 1;
    }
  }
}

/** section_data, table 4.52: which codebook each band has. */
export function readSections(bits: FrameBits, channel: Channel): void {
  const lengthBits = channel.isShort ? 3 : 5;
  const more = (1 << lengthBits) - 1;
  const { bands, books } = channel;
  for (let group = 0; group < channel.groups; group += 1) {
    for (let band = 0; band < bands; ) {
      const book = bits.bits(4);
      let length = 0;
      let step = more;
      while (step === more) {
        step = bits.bits(lengthBits);
        length += step;
        bits.check(); // Sections may be empty.
      }
      if (book === RESERVED_BOOK || band + length > bands) {
        throw new PerchError('badInput', `AAC section of book ${book} from band ${band} on for ${length} of ${bands}`);
      }
      books.fill(book, group * bands + band, group * bands + band + length);
      band += length;
    }
  }
}

/** scale_factor_data, table 4.53: each as the difference to the previous one of the same kind. */
export function readScaleFactors(bits: FrameBits, channel: Channel, globalGain: number): void {
  const { books, scales } = channel;
  let level = globalGain;
  let position = 0;
  let noise = globalGain - NOISE_OFFSET;
  let isFirstNoise = true;
  for (let i = 0; i < channel.groups * channel.bands; i += 1) {
    const book = books[i] as number;
    if (book === ZERO_BOOK) {
      scales[i] = 0;
    } else if (book === INTENSITY_BOOK || book === OPPOSITE_BOOK) {
      position += SCALE_FACTORS.next(bits) - NO_DIFFERENCE;
      scales[i] = clip(position, -MAX_LEVEL, -MIN_LEVEL);
    } else if (book === NOISE_BOOK) {
      noise += isFirstNoise
        ? bits.bits(FIRST_NOISE_BITS) - (1 << (FIRST_NOISE_BITS - 1))
        : SCALE_FACTORS.next(bits) - NO_DIFFERENCE;
      isFirstNoise = false;
      scales[i] = clip(noise, MIN_LEVEL, MAX_LEVEL);
    } else {
      level += SCALE_FACTORS.next(bits) - NO_DIFFERENCE;
      if (level < 0 || level > MAX_SCALE_FACTOR) {
        throw new PerchError('badInput', `AAC scale factor ${level}, 0 to ${MAX_SCALE_FACTOR} allowed`);
      }
      scales[i] = level;
    }
  }
  bits.check();
}

function clip(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

/** pulse_data, table 4.7, with its flag: single coefficients beyond the range of their codebook. */
export function readPulses(bits: FrameBits, channel: Channel): void {
  channel.pulses = 0;
  if (!bits.flag()) {
    return;
  }
  if (channel.isShort) {
    throw new PerchError('badInput', 'AAC frame with pulses in short windows');
  }
  const pulses = bits.bits(2) + 1;
  const band = bits.bits(6);
  const most = channel.borders.length - 1;
  let place = channel.borders[band] ?? LONG_SAMPLES;
  for (let i = 0; i < pulses; i += 1) {
    place += bits.bits(5);
    if (place >= LONG_SAMPLES) {
      throw new PerchError('badInput', `AAC pulse at coefficient ${place}, from band ${band} of ${most} on`);
    }
    channel.pulsePlaces[i] = place;
    channel.pulseHeights[i] = bits.bits(4);
  }
  channel.pulses = pulses;
}

/** tns_data, table 4.54, with its flag. */
export function readShapers(bits: FrameBits, channel: Channel): void {
  channel.shapers = 0;
  if (!bits.flag()) {
    return;
  }
  const { isShort } = channel;
  for (let window = 0; window < (isShort ? SHORT_WINDOWS : 1); window += 1) {
    const filters = bits.bits(isShort ? 1 : 2);
    const coefficientBits = filters > 0 ? 3 + bits.bits(1) : 0;
    let top = channel.borders.length - 1;
    for (let i = 0; i < filters; i += 1) {
      const bottom = Math.max(top - bits.bits(isShort ? 4 : 6), 0);
      readShaper(bits, channel, window, bottom, top, coefficientBits);
      top = bottom;
    }
  }
}

function readShaper(bits: FrameBits, channel: Channel, window: number, from: number, to: number, size: number): void {
  const order = bits.bits(channel.isShort ? 3 : 5);
  if (order === 0) {
    return;
  }
  const most = channel.isShort ? 7 : MAX_SHAPER_ORDER;
  if (order > most) {
    throw new PerchError('badInput', `AAC noise shaping of order ${order}, at most ${most} allowed`);
  }
  const shaper = channel.shaper[channel.shapers] as Channel['shaper'][number];
  channel.shapers += 1;
  shaper.window = window;
  shaper.fromBand = from;
  shaper.toBand = to;
  shaper.order = order;
  shaper.isDownward = bits.flag();
  const sentBits = size - bits.bits(1); // coef_compress: the highest bit is not sent
  // §4.6.9.3: the sines of a quarter circle in equal steps; one step more on the negative side.
  const steps = 1 << (size - 1);
  for (let i = 0; i < order; i += 1) {
    const unsigned = bits.bits(sentBits);
    const value = unsigned >= 1 << (sentBits - 1) ? unsigned - (1 << sentBits) : unsigned;
    shaper.reflections[i] = Math.sin((value * Math.PI) / 2 / (value >= 0 ? steps - 0.5 : steps + 0.5));
  }
}
