import { bessel } from '../../resample/kernel.ts';
import {
  type Channel,
  EIGHT_SHORT,
  LONG_SAMPLES,
  LONG_START,
  LONG_STOP,
  SHORT_SAMPLES,
  SHORT_WINDOWS,
} from './channel.ts';
import { Dct4 } from './dct.ts';

/** Start of the first of eight short windows, in the frame. */
const SHORT_START = (LONG_SAMPLES - SHORT_SAMPLES) / 2;

/** The inverse MDCT of ISO/IEC 14496-3 §4.6.11.3.1 divides by half the length of its window. */
const longDct = new Dct4(LONG_SAMPLES, 1 / LONG_SAMPLES);
const shortDct = new Dct4(SHORT_SAMPLES, 1 / SHORT_SAMPLES);
const transformed = new Float64Array(LONG_SAMPLES);
const windowed = new Float64Array(2 * LONG_SAMPLES);

/** Transforms the spectra of one channel to samples, ISO/IEC 14496-3 §4.6.11: windows of two frames overlap by half. */
export class Filterbank {
  /** Overlap of the previous frame. */
  readonly #tail = new Float64Array(LONG_SAMPLES);
  #lastShape: 0 | 1 = 0;
  readonly samples = new Float64Array(LONG_SAMPLES);

  /** Writes the next 1024 samples to `samples`. */
  push(channel: Channel): void {
    const rising = WINDOWS[this.#lastShape];
    const falling = WINDOWS[channel.windowShape];
    if (channel.windowSequence === EIGHT_SHORT) {
      windowShort(channel.spectrum, rising.short, falling.short);
    } else {
      longDct.transform(channel.spectrum, 0, transformed);
      riseLong(channel.windowSequence === LONG_STOP ? rising.edge : rising.long);
      fallLong(channel.windowSequence === LONG_START ? falling.edge : falling.long);
    }
    for (let i = 0; i < LONG_SAMPLES; i += 1) {
      this.samples[i] = (this.#tail[i] as number) + (windowed[i] as number);
      this.#tail[i] = windowed[LONG_SAMPLES + i] as number;
    }
    this.#lastShape = channel.windowShape;
  }

  /** Copies the state of `other`, for equal channels. */
  follow(other: Filterbank): void {
    this.#tail.set(other.#tail);
    this.samples.set(other.samples);
    this.#lastShape = other.#lastShape;
  }

  /** Adds a silent frame: `samples` is the overlap of the previous frame. */
  fade(): void {
    this.samples.set(this.#tail);
    this.#tail.fill(0);
  }
}

/**
 * The first half of a long window. The inverse MDCT unfolds the transformed spectrum: its upper half, the same reversed and negated;
 * then the lower half reversed and forwards, both negated.
 */
function riseLong(slope: Float64Array): void {
  const half = LONG_SAMPLES / 2;
  for (let i = 0; i < half; i += 1) {
    const upper = transformed[half + i] as number;
    windowed[i] = upper * (slope[i] as number);
    windowed[LONG_SAMPLES - 1 - i] = -upper * (slope[LONG_SAMPLES - 1 - i] as number);
  }
}

/** The second half of a long window. */
function fallLong(slope: Float64Array): void {
  const half = LONG_SAMPLES / 2;
  for (let i = 0; i < half; i += 1) {
    const lower = transformed[i] as number;
    windowed[LONG_SAMPLES + half - 1 - i] = -lower * (slope[half + i] as number);
    windowed[LONG_SAMPLES + half + i] = -lower * (slope[half - 1 - i] as number);
  }
}

/** Eight short windows in the middle of the long one, each overlapping the next by half. */
function windowShort(spectrum: Float64Array, firstRising: Float64Array, slope: Float64Array): void {
  const half = SHORT_SAMPLES / 2;
  windowed.fill(0);
  for (let window = 0; window < SHORT_WINDOWS; window += 1) {
    shortDct.transform(spectrum, window * SHORT_SAMPLES, transformed);
    const rising = window === 0 ? firstRising : slope;
    const start = SHORT_START + window * SHORT_SAMPLES;
    const middle = start + SHORT_SAMPLES;
    for (let i = 0; i < half; i += 1) {
      const upper = transformed[half + i] as number;
      const lower = transformed[i] as number;
      add(start + i, upper * (rising[i] as number));
      add(middle - 1 - i, -upper * (rising[SHORT_SAMPLES - 1 - i] as number));
      add(middle + half - 1 - i, -lower * (slope[half + i] as number));
      add(middle + half + i, -lower * (slope[half - 1 - i] as number));
    }
  }
}

function add(at: number, value: number): void {
  windowed[at] = (windowed[at] as number) + value;
}

/** The rising half of a window, for each window_shape; the falling half is its reverse. */
interface WindowHalves {
  readonly long: Float64Array;
  readonly short: Float64Array;
  /** Rise of a long window next to short ones: zeros, the rise of a short window, ones. */
  readonly edge: Float64Array;
}

/** By window_shape, ISO/IEC 14496-3 §4.6.11.3.2: sine, and Kaiser-Bessel derived with alpha 4 for long and 6 for short windows. */
export const WINDOWS: readonly [WindowHalves, WindowHalves] = [
  halves(sine(LONG_SAMPLES), sine(SHORT_SAMPLES)),
  halves(kaiserBessel(LONG_SAMPLES, 4), kaiserBessel(SHORT_SAMPLES, 6)),
];

function halves(long: Float64Array, short: Float64Array): WindowHalves {
  const start = (LONG_SAMPLES - SHORT_SAMPLES) / 2;
  const edge = new Float64Array(LONG_SAMPLES).fill(1, start);
  edge.set(short, start);
  return { long, short, edge };
}

function sine(size: number): Float64Array {
  return Float64Array.from({ length: size }, (_, i) => Math.sin((Math.PI / (2 * size)) * (i + 0.5)));
}

/** The root of the running sum of a Kaiser window of `size + 1` samples. */
function kaiserBessel(size: number, alpha: number): Float64Array {
  const half = new Float64Array(size);
  let sum = 0;
  for (let i = 0; i <= size; i += 1) {
    const place = (2 * i) / size - 1;
    sum += bessel(Math.PI * alpha * Math.sqrt(1 - place * place));
    if (i < size) {
      half[i] = sum;
    }
  }
  return half.map((value) => Math.sqrt(value / sum));
}
