/*
 * ITU-T G.722 at 64 kbit/s. A byte holds two bits of the upper band and six of the lower one; each band is adaptive differential PCM
 * at 8,000 Hz (clause 4); a quadrature mirror filter joins them to 16,000 Hz (clause 4.4).
 */

/** Output of the six-bit inverse quantizer by its code word, sign included (table 5, QQ6; table 18). Codes that no encoder sends map to small values. */
// biome-ignore format: the layout of the table
const QUANTUM_6 = Int16Array.of(
  -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
  -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
  24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
  4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
);
/** The same for the four bits that adapt the lower band's predictor (QQ4), and for the two bits of the upper band (QQ2). */
// biome-ignore format: the layout of the table
const QUANTUM_4 = Int16Array.of(
  0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
);
const QUANTUM_2 = Int16Array.of(-7408, -1616, 7408, 1616);
/** Change of the step's logarithm by code word: tables 13 and 14, WL and WH. */
const STEP_LOW = Int16Array.of(-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60);
const STEP_HIGH = Int16Array.of(798, -214, 798, -214);
/** 2^(n/32) in 12 bits: table 19, ILB. */
const POWERS = Int16Array.from({ length: 32 }, (_, n) => Math.round(2048 * 2 ** (n / 32)));
/** Half of the quadrature mirror filter (table 11), which is symmetric. */
const MIRROR = Int16Array.of(3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11);
const TAPS = MIRROR.length;
const ZEROS = 6;

/** Decodes the bytes of one channel in order. */
export class G722Decoder {
  readonly #low = new Band(32);
  readonly #high = new Band(8);
  /** Sums and differences of the bands, newest last; stored twice, so that the filter reads contiguous values. */
  readonly #sums = new Int32Array(2 * TAPS);
  readonly #differences = new Int32Array(2 * TAPS);
  #at = 0;

  /**
   * Writes two values for each byte.
   * @param first offset of the channel's first byte; the next ones follow at `step`
   * @param into receives the channel's values at the same offsets
   * @returns the number of values
   */
  decode(data: Uint8Array, into: Int16Array, first = 0, step = 1): number {
    let place = first;
    for (let i = first; i < data.length; i += step) {
      const code = data[i] as number;
      const low = this.#lowBand(code & 0x3f);
      const high = this.#highBand(code >> 6);
      this.#at = this.#at === TAPS - 1 ? 0 : this.#at + 1;
      this.#sums[this.#at] = low + high;
      this.#sums[this.#at + TAPS] = low + high;
      this.#differences[this.#at] = low - high;
      this.#differences[this.#at + TAPS] = low - high;
      into[place] = this.#mirror(this.#differences, false);
      into[place + step] = this.#mirror(this.#sums, true);
      place += 2 * step;
    }
    return (place - first) / step;
  }

  #lowBand(code: number): number {
    const band = this.#low;
    const value = clamp(band.predicted + ((band.step * (QUANTUM_6[code] as number)) >> 15), -16_384, 16_383);
    const coarse = code >> 2;
    const difference = (band.step * (QUANTUM_4[coarse] as number)) >> 15;
    band.scale(STEP_LOW[coarse] as number, 18_432, 8);
    band.adapt(difference);
    return value;
  }

  #highBand(code: number): number {
    const band = this.#high;
    const difference = (band.step * (QUANTUM_2[code] as number)) >> 15;
    const value = clamp(band.predicted + difference, -16_384, 16_383);
    band.scale(STEP_HIGH[code] as number, 22_528, 10);
    band.adapt(difference);
    return value;
  }

  #mirror(values: Int32Array, isForward: boolean): number {
    const oldest = this.#at + 1;
    let sum = 0;
    for (let i = 0; i < TAPS; i += 1) {
      sum += (values[oldest + i] as number) * (MIRROR[isForward ? i : TAPS - 1 - i] as number);
    }
    return saturate(sum >> 11);
  }
}

/** One band's adaptive quantizer and its predictor of two poles and six zeros (clauses 3.5, 3.6). */
class Band {
  /** Predicted next value. */
  predicted = 0;
  /** Step size of the quantizer. */
  step: number;
  #log = 0;
  #pole1 = 0;
  #pole2 = 0;
  readonly #zeros = new Int32Array(ZEROS);
  readonly #differences = new Int32Array(ZEROS);
  #zeroPart = 0;
  /** The last two reconstructed values, and the last two without the pole section. */
  #value1 = 0;
  #value2 = 0;
  #partial1 = 0;
  #partial2 = 0;

  constructor(step: number) {
    this.step = step;
  }

  /** LOGSCL and SCALEL, LOGSCH and SCALEH. */
  scale(change: number, maxLog: number, exponent: number): void {
    this.#log = clamp(((this.#log * 127) >> 7) + change, 0, maxLog);
    const power = POWERS[(this.#log >> 6) & 31] as number;
    const shift = exponent - (this.#log >> 11);
    this.step = (shift < 0 ? power << -shift : power >> shift) << 2;
  }

  /** Block 4: adapts the predictor. */
  adapt(difference: number): void {
    const value = saturate(this.predicted + difference);
    const partial = saturate(this.#zeroPart + difference);
    const isSameAsLast = partial < 0 === this.#partial1 < 0;
    const isSameAsBefore = partial < 0 === this.#partial2 < 0;
    // UPPOL2
    const slope = saturate(this.#pole1 << 2);
    const pull = Math.min(isSameAsLast ? -slope : slope, 32_767) >> 7;
    const pole2 = clamp((isSameAsBefore ? 128 : -128) + pull + ((this.#pole2 * 32_512) >> 15), -12_288, 12_288);
    // UPPOL1
    const bound = saturate(15_360 - pole2);
    const pole1 = saturate((isSameAsLast ? 192 : -192) + ((this.#pole1 * 32_640) >> 15));
    this.#pole2 = pole2;
    this.#pole1 = clamp(pole1, -bound, bound);
    this.#moveZeros(difference);
    // FILTEP, PREDIC
    this.#value2 = this.#value1;
    this.#value1 = value;
    this.#partial2 = this.#partial1;
    this.#partial1 = partial;
    const poles =
      ((this.#pole1 * saturate(2 * this.#value1)) >> 15) + ((this.#pole2 * saturate(2 * this.#value2)) >> 15);
    this.predicted = saturate(saturate(poles) + this.#zeroPart);
  }

  /** UPZERO, DELAYA and FILTEZ. */
  #moveZeros(difference: number): void {
    const zeros = this.#zeros;
    const differences = this.#differences;
    const step = difference === 0 ? 0 : 128;
    let sum = 0;
    for (let i = ZEROS - 1; i >= 0; i -= 1) {
      const isSame = (differences[i] as number) < 0 === difference < 0;
      const zero = saturate((isSame ? step : -step) + (((zeros[i] as number) * 32_640) >> 15));
      const newer = i === 0 ? difference : (differences[i - 1] as number);
      zeros[i] = zero;
      differences[i] = newer;
      sum += (zero * saturate(2 * newer)) >> 15;
    }
    this.#zeroPart = saturate(sum);
  }
}

const clamp = (value: number, least: number, most: number): number => (value < least ? least : Math.min(value, most));
const saturate = (value: number): number => clamp(value, -32_768, 32_767);
