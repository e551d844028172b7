import { PerchError } from '../../base/errors.ts';
import { lowPassTaps } from './kernel.ts';

/** Input samples per output sample; a lower output rate takes proportionally more. */
const TAPS = 32;

/** Rates that Opus accepts, RFC 6716 §2. */
const OPUS_RATES_HZ = [8_000, 12_000, 16_000, 24_000, 48_000];

/** The lowest rate of Opus not below `rateHz`; else 48,000. */
export function opusRateOf(rateHz: number): number {
  return OPUS_RATES_HZ.find((opusHz) => opusHz >= rateHz) ?? 48_000;
}

/**
 * Changes the sample rate of interleaved audio by a polyphase filter. Steps are whole numbers, so input and output times do not
 * drift: output sample n is at `n / toHz` after the first input sample. It needs `lookAheadSamples` more input samples.
 * Allocates only for a block larger than all before.
 */
export class Resampler {
  readonly lookAheadSamples: number;
  readonly #channels: 1 | 2;
  readonly #taps: number;
  /** The distance of output samples, in `1 / #phases` of an input sample. */
  readonly #phases: number;
  readonly #step: number;
  readonly #kernel: Float64Array;
  /** Interleaved: the input still needed, then the new block. */
  #input: Float64Array;
  #held: number;
  #phase = 0;

  constructor(fromHz: number, toHz: number, channels: 1 | 2) {
    const divisor = greatestDivisor(fromHz, toHz);
    this.#phases = toHz / divisor;
    this.#step = fromHz / divisor;
    this.#taps = 2 * Math.ceil((TAPS / 2) * Math.max(1, fromHz / toHz));
    // 44,100 to 48,000 Hz needs 160 phases; coprime rates would need huge tables.
    if (this.#phases > 640 || this.#taps > 256) {
      throw new PerchError('unsupported', `cannot resample from ${fromHz} Hz to ${toHz} Hz`);
    }
    this.#channels = channels;
    this.#kernel = lowPassTaps(this.#phases, this.#taps, Math.min(1, toHz / fromHz));
    this.lookAheadSamples = this.#taps / 2;
    // Before the first input sample there is silence.
    this.#held = (this.#taps / 2 - 1) * channels;
    this.#input = new Float64Array(this.#held);
  }

  /** Upper bound of the samples per channel that `push` returns for this many. */
  outputFor(samples: number): number {
    return Math.ceil((samples * this.#phases) / this.#step) + 1;
  }

  /**
   * @param input interleaved; the first `samples` per channel are taken
   * @param out gets interleaved samples, `outputFor(samples)` per channel at most
   * @returns samples per channel that are in `out`
   */
  push(input: Float32Array, samples: number, out: Float32Array): number {
    const channels = this.#channels;
    const added = samples * channels;
    this.#grow(this.#held + added);
    for (let i = 0; i < added; i += 1) {
      this.#input[this.#held + i] = input[i] as number;
    }
    const end = this.#held + added;
    const last = end - this.#taps * channels;
    let at = 0;
    let made = 0;
    for (; at <= last; made += 1) {
      if (channels === 2) {
        this.#stereo(at, out, 2 * made);
      } else {
        this.#mono(at, out, made);
      }
      this.#phase += this.#step;
      while (this.#phase >= this.#phases) {
        this.#phase -= this.#phases;
        at += channels;
      }
    }
    this.#input.copyWithin(0, at, end);
    this.#held = end - at;
    return made;
  }

  #mono(at: number, out: Float32Array, index: number): void {
    const input = this.#input;
    const kernel = this.#kernel;
    const first = this.#phase * this.#taps;
    let sum = 0;
    for (let tap = 0; tap < this.#taps; tap += 1) {
      sum += (kernel[first + tap] as number) * (input[at + tap] as number);
    }
    out[index] = sum;
  }

  #stereo(at: number, out: Float32Array, index: number): void {
    const input = this.#input;
    const kernel = this.#kernel;
    const first = this.#phase * this.#taps;
    let left = 0;
    let right = 0;
    for (let tap = 0; tap < this.#taps; tap += 1) {
      const weight = kernel[first + tap] as number;
      left += weight * (input[at + 2 * tap] as number);
      right += weight * (input[at + 2 * tap + 1] as number);
    }
    out[index] = left;
    out[index + 1] = right;
  }

  #grow(size: number): void {
    if (this.#input.length < size) {
      // The kept part differs from block to block.
      const larger = new Float64Array(size + this.#taps * this.#channels);
      larger.set(this.#input);
      this.#input = larger;
    }
  }
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
