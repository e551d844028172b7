import { BitWriter } from '../../payload/bit-writer.ts';
import { bandLayout } from '../decode/bands.ts';
import { LONG_SAMPLES } from '../decode/channel.ts';
import { SCALE_FACTOR_BOOK } from '../decode/codebooks.ts';
import { Dct4 } from '../decode/dct.ts';
import { WINDOWS } from '../decode/filterbank.ts';
import { SCALE_OFFSET } from '../decode/spectrum.ts';
import { planSections, SPECTRAL_CODES } from './sections.ts';
import { SymbolCodes } from './symbol-codes.ts';

/** Most bits per sample; speech of 4 kHz bandwidth needs less. */
const BITS_PER_SAMPLE = 3;
const MAX_BITRATE = 64_000;
/** The noise allowed in a band is NOISE_SHARE * power ^ NOISE_POWER: the signal-to-noise ratio of loud bands is higher than that of quiet ones. */
const NOISE_SHARE = 4;
const NOISE_POWER = 0.6;
/** Rounding of quantised values, as in the informative encoder of ISO/IEC 13818-7. */
const ROUNDING = 0.4054;
const MAX_SCALE_FACTOR = 255;
/** Largest difference between consecutive scale factors; also the symbol that codes a difference of 0. */
const MAX_DIFFERENCE = 60;
const SINGLE_CHANNEL = 0;
const END = 7;
const SECTION_LENGTH_BITS = 5;
const MAX_SECTION_STEP = 31;
/** Full scale is 32,768 in the standard; its MDCT has a gain of 2. */
const GAIN = 2 * 32_768;

const SCALE_CODES = new SymbolCodes(SCALE_FACTOR_BOOK);
const SLOPE = WINDOWS[0].long;

/**
 * Encodes one channel to AAC-LC, ISO/IEC 14496-3 subpart 4, for speech: long windows only, no noise shaping in time, no noise
 * substitution. Its output begins one frame late: the first frame fades in. Allocates only the frames.
 */
export class AacEncoder {
  readonly #borders: Uint16Array;
  readonly #budgetBits: number;
  readonly #dct = new Dct4(LONG_SAMPLES, GAIN);
  readonly #last = new Float64Array(LONG_SAMPLES);
  readonly #folded = new Float64Array(LONG_SAMPLES);
  readonly #spectrum = new Float64Array(LONG_SAMPLES);
  /** `|spectrum| ^ (3/4)`, which is quantised (§4.6.1.3). */
  readonly #powers = new Float64Array(LONG_SAMPLES);
  readonly #quantised = new Int16Array(LONG_SAMPLES);
  /** By band: the best scale factor, the one in use, and the codebook. */
  readonly #wanted: Int16Array;
  readonly #scales: Int16Array;
  readonly #books: Uint8Array;
  /** A channel's buffer has 6,144 bits (ISO/IEC 14496-3 §4.5.3.1), and codes are written whole. */
  readonly #bits = new BitWriter(2_048);
  /** Number of transmitted bands. */
  #bands = 0;

  constructor(rateHz: number) {
    this.#borders = bandLayout(rateHz).long;
    const count = this.#borders.length - 1;
    this.#wanted = new Int16Array(count);
    this.#scales = new Int16Array(count);
    this.#books = new Uint8Array(count);
    this.#budgetBits = (Math.min(BITS_PER_SAMPLE * rateHz, MAX_BITRATE) * LONG_SAMPLES) / rateHz;
  }

  /** @param samples the next 1024, full scale is 1 @returns a frame (raw_data_block) in its own memory */
  encode(samples: Float32Array): Uint8Array {
    this.#transform(samples);
    this.#chooseScales();
    // Coarser by 1.5 dB each time until the frame fits. It fits at the latest when every value is zero.
    let coarser = 0;
    while (!this.#quantise(coarser) || this.#plan() > this.#budgetBits) {
      coarser += 1;
    }
    this.#write();
    return this.#bits.bytes.slice(0, this.#bits.length);
  }

  /** The MDCT of the last block and this one, folded to a DCT-IV of half their length. */
  #transform(samples: Float32Array): void {
    const half = LONG_SAMPLES / 2;
    const last = this.#last;
    for (let i = 0; i < half; i += 1) {
      const [front, back] = [half - 1 - i, half + i];
      // The slope falls over this block, from its end to its start.
      const third = clip(samples[front]) * (SLOPE[back] as number);
      const fourth = clip(samples[back]) * (SLOPE[front] as number);
      const mirror = LONG_SAMPLES - 1 - i;
      this.#folded[i] = -third - fourth;
      this.#folded[half + i] =
        (last[i] as number) * (SLOPE[i] as number) - (last[mirror] as number) * (SLOPE[mirror] as number);
    }
    for (let i = 0; i < LONG_SAMPLES; i += 1) {
      last[i] = clip(samples[i]);
    }
    this.#dct.transform(this.#folded, 0, this.#spectrum);
  }

  /** The scale factor of each band, from the noise that it may have. */
  #chooseScales(): void {
    const borders = this.#borders;
    for (let band = 0; band < this.#wanted.length; band += 1) {
      let energy = 0;
      for (let i = borders[band] as number; i < (borders[band + 1] as number); i += 1) {
        const value = this.#spectrum[i] as number;
        energy += value * value;
        this.#powers[i] = Math.abs(value) ** 0.75;
      }
      const power = Math.max(energy / ((borders[band + 1] as number) - (borders[band] as number)), 1);
      const noise = NOISE_SHARE * power ** NOISE_POWER;
      // Rounding to steps of `step` in the 3/4 power domain makes noise of 4/27 * step^1.5 * amplitude^0.5.
      const step = (noise / ((4 / 27) * power ** 0.25)) ** (2 / 3);
      this.#wanted[band] = SCALE_OFFSET + Math.round(4 * Math.log2(step));
    }
  }

  /** @returns whether all values are in the range of the codes */
  #quantise(coarser: number): boolean {
    const borders = this.#borders;
    let before = Number.NaN;
    this.#bands = 0;
    for (let band = 0; band < this.#scales.length; band += 1) {
      const least = Number.isNaN(before) ? 0 : Math.max(before - MAX_DIFFERENCE, 0);
      const most = Number.isNaN(before) ? MAX_SCALE_FACTOR : Math.min(before + MAX_DIFFERENCE, MAX_SCALE_FACTOR);
      const scale = Math.min(Math.max((this.#wanted[band] as number) + coarser, least), most);
      const gain = 2 ** ((-3 / 16) * (scale - SCALE_OFFSET));
      let largest = 0;
      for (let i = borders[band] as number; i < (borders[band + 1] as number); i += 1) {
        const size = Math.floor((this.#powers[i] as number) * gain + ROUNDING);
        this.#quantised[i] = (this.#spectrum[i] as number) < 0 ? -size : size;
        largest = Math.max(largest, size);
      }
      if (largest > 8_191) {
        return false;
      }
      this.#scales[band] = scale;
      if (largest > 0) {
        before = scale;
        this.#bands = band + 1;
      }
    }
    return true;
  }

  /** Chooses the codebooks. @returns the bits of the frame, without its few fixed ones */
  #plan(): number {
    let total = planSections(this.#quantised, this.#borders, this.#bands, this.#books);
    let before = Number.NaN;
    for (let band = 0; band < this.#bands; band += 1) {
      if (this.#books[band] !== 0) {
        const scale = this.#scales[band] as number;
        total += SCALE_CODES.bitsOf(MAX_DIFFERENCE + (Number.isNaN(before) ? 0 : scale - before));
        before = scale;
      }
    }
    return total;
  }

  /** raw_data_block, table 4.3, with one single_channel_element. */
  #write(): void {
    const bits = this.#bits;
    const first = this.#books.subarray(0, this.#bands).findIndex((book) => book !== 0);
    const globalGain = first < 0 ? 0 : (this.#scales[first] as number);
    bits.reset();
    bits.bits(SINGLE_CHANNEL, 3);
    bits.bits(0, 4); // element_instance_tag
    bits.bits(globalGain, 8);
    bits.bits(0, 4); // ics_reserved_bit, window_sequence: only long, window_shape: sine
    bits.bits(this.#bands, 6);
    bits.bits(0, 1); // predictor_data_present
    this.#writeSections();
    this.#writeScales(globalGain);
    bits.bits(0, 3); // no pulses, no temporal noise shaping, no gain control
    for (let band = 0; band < this.#bands; band += 1) {
      const codes = SPECTRAL_CODES[(this.#books[band] as number) - 1];
      codes?.write(bits, this.#quantised, this.#borders[band] as number, this.#borders[band + 1] as number);
    }
    bits.bits(END, 3);
    bits.align();
  }

  /** section_data, table 4.52. */
  #writeSections(): void {
    for (let band = 0; band < this.#bands; ) {
      const book = this.#books[band] as number;
      let length = 1;
      while (band + length < this.#bands && this.#books[band + length] === book) {
        length += 1;
      }
      this.#bits.bits(book, 4);
      for (let left = length; ; left -= MAX_SECTION_STEP) {
        this.#bits.bits(Math.min(left, MAX_SECTION_STEP), SECTION_LENGTH_BITS);
        if (left < MAX_SECTION_STEP) {
          break;
        }
      }
      band += length;
    }
  }

  /** scale_factor_data, table 4.53: differences. */
  #writeScales(globalGain: number): void {
    let before = globalGain;
    for (let band = 0; band < this.#bands; band += 1) {
      if (this.#books[band] !== 0) {
        const scale = this.#scales[band] as number;
        SCALE_CODES.write(this.#bits, MAX_DIFFERENCE + scale - before);
        before = scale;
      }
    }
  }
}

const clip = (value = 0): number => Math.max(-1, Math.min(value, 1));
