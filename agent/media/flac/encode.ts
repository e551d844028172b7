import { BitWriter } from '../payload/bit-writer.ts';

/*
 * A frame (RFC 9639 §9):
 *   sync 14 | 0 | fixed block size 0 | block size 4 | rate 4 | channels 4 | depth 3 | 0 | frame number | block size 8 or 16 | CRC-8
 *   subframe for each channel: 0 | type 6 | has unused bits 1 (then their count in unary) | body
 *   padding to a byte | CRC-16
 */

interface FlacFormat {
  readonly sampleRateHz: number;
  /** 1 to 8. */
  readonly channels: number;
  /** PCM samples of each channel in every frame: 16 to 32,768. */
  readonly frameSamples: number;
  /** Low bits that are 0 in every sample, known from the source format. */
  readonly unusedBits: number;
}

const DEPTH_BITS = 16;
/** RFC 9639 §9.1.2; 0: that of STREAMINFO. */
const RATE_CODE = new Map([8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000].map((rate, i) => [rate, i + 4]));
const SIZE_IN_8_BITS = 6;
const SIZE_IN_16_BITS = 7;

/** Lossless frames of 16-bit PCM with fixed predictors: linear prediction gains little on telephone audio. */
export class FlacEncoder {
  readonly #format: FlacFormat;
  readonly #out: BitWriter;
  readonly #rice = new RiceCoder();
  readonly #signal: Int32Array;
  readonly #folded: Uint32Array;
  #frameNumber = 0;

  constructor(format: FlacFormat) {
    this.#format = format;
    this.#out = new BitWriter(32 + format.channels * (8 + format.frameSamples * 2));
    this.#signal = new Int32Array(format.frameSamples);
    this.#folded = new Uint32Array(format.frameSamples);
  }

  /** One frame. @param pcm `frameSamples` times `channels` values, channels interleaved; read during the call only */
  encode(pcm: Int16Array): Uint8Array {
    const { channels, frameSamples, unusedBits } = this.#format;
    this.#out.reset();
    this.#writeHeader();
    for (let channel = 0; channel < channels; channel += 1) {
      for (let i = 0; i < frameSamples; i += 1) {
        this.#signal[i] = (pcm[i * channels + channel] as number) >> unusedBits;
      }
      this.#writeSubframe();
    }
    this.#out.align();
    this.#out.bits(crc16(this.#out.bytes, this.#out.length), 16);
    // ffmpeg takes timestamps from the frame number.
    this.#frameNumber = this.#frameNumber === 0x7fff_ffff ? 0 : this.#frameNumber + 1;
    return this.#out.bytes.slice(0, this.#out.length);
  }

  #writeHeader(): void {
    const out = this.#out;
    const { channels, frameSamples, sampleRateHz } = this.#format;
    const isSmall = frameSamples <= 256;
    out.bits(0xfff8, 16);
    out.bits(isSmall ? SIZE_IN_8_BITS : SIZE_IN_16_BITS, 4);
    out.bits(RATE_CODE.get(sampleRateHz) ?? 0, 4);
    out.bits(channels - 1, 4);
    out.bits(0b1000, 4); // 16 bits, reserved 0
    this.#writeFrameNumber();
    out.bits(frameSamples - 1, isSmall ? 8 : 16);
    out.bits(crc8(out.bytes, out.length), 8);
  }

  /** The coding of UTF-8, extended to 31 bits (RFC 9639 §9.1.5). */
  #writeFrameNumber(): void {
    const number = this.#frameNumber;
    if (number < 0x80) {
      this.#out.bits(number, 8);
      return;
    }
    // n bytes carry 5n + 1 bits.
    const bytes = Math.ceil((31 - Math.clz32(number)) / 5);
    const mark = (0xff00 >> bytes) & 0xff;
    this.#out.bits(mark | (number >>> (6 * (bytes - 1))), 8);
    for (let i = bytes - 2; i >= 0; i -= 1) {
      this.#out.bits(0x80 | ((number >>> (6 * i)) & 0x3f), 8);
    }
  }

  #writeSubframe(): void {
    const { frameSamples, unusedBits } = this.#format;
    const bits = DEPTH_BITS - unusedBits;
    const signal = this.#signal;
    if (isConstant(signal)) {
      this.#subframeHeader(0);
      this.#out.bits(signal[0] as number, bits);
      return;
    }
    const order = bestOrder(signal);
    foldResidual(signal, order, this.#folded);
    this.#rice.plan(this.#folded, frameSamples, order);
    if (order * bits + this.#rice.bits >= frameSamples * bits) {
      this.#subframeHeader(1);
      this.#putPlain(frameSamples, bits);
      return;
    }
    this.#subframeHeader(0b1000 | order);
    this.#putPlain(order, bits);
    this.#rice.write(this.#out, this.#folded, frameSamples, order);
  }

  #subframeHeader(type: number): void {
    const { unusedBits } = this.#format;
    this.#out.bits((type << 1) | (unusedBits > 0 ? 1 : 0), 8);
    if (unusedBits > 0) {
      this.#out.unary(unusedBits - 1);
    }
  }

  #putPlain(count: number, bits: number): void {
    for (let i = 0; i < count; i += 1) {
      this.#out.bits(this.#signal[i] as number, bits);
    }
  }
}

function isConstant(signal: Int32Array): boolean {
  const first = signal[0];
  for (let i = 1; i < signal.length; i += 1) {
    if (signal[i] !== first) {
      return false;
    }
  }
  return true;
}

/** The fixed predictor (RFC 9639 §9.2.5) with the least sum of residuals: order n predicts by the n-th difference. */
function bestOrder(signal: Int32Array): number {
  let [d0, d1, d2, d3] = [0, 0, 0, 0];
  let [sum0, sum1, sum2, sum3, sum4] = [0, 0, 0, 0, 0];
  for (let i = 0; i < signal.length; i += 1) {
    const e0 = signal[i] as number;
    const e1 = e0 - d0;
    const e2 = e1 - d1;
    const e3 = e2 - d2;
    const e4 = e3 - d3;
    d0 = e0;
    d1 = e1;
    d2 = e2;
    d3 = e3;
    // The first differences are warm-up and cost the same in every order.
    if (i >= 4) {
      sum0 += Math.abs(e0);
      sum1 += Math.abs(e1);
      sum2 += Math.abs(e2);
      sum3 += Math.abs(e3);
      sum4 += Math.abs(e4);
    }
  }
  const least = Math.min(sum0, sum1, sum2, sum3, sum4);
  return least === sum0 ? 0 : least === sum1 ? 1 : least === sum2 ? 2 : least === sum3 ? 3 : 4;
}

function foldResidual(signal: Int32Array, order: number, folded: Uint32Array): void {
  let [d0, d1, d2, d3] = [0, 0, 0, 0];
  for (let i = 0; i < signal.length; i += 1) {
    const e0 = signal[i] as number;
    const e1 = e0 - d0;
    const e2 = e1 - d1;
    const e3 = e2 - d2;
    const residual = order === 0 ? e0 : order === 1 ? e1 : order === 2 ? e2 : order === 3 ? e3 : e3 - d3;
    d0 = e0;
    d1 = e1;
    d2 = e2;
    d3 = e3;
    folded[i] = (residual << 1) ^ (residual >> 31);
  }
}

/** A Rice parameter of 15 is an escape (RFC 9639 §9.2.7.1). */
const MAX_RICE = 14;
const MAX_PARTITION_ORDER = 3;
const METHOD_BITS = 2 + 4;
const PARAMETER_BITS = 4;

/** The coding of a block's residual: partitions of equal length, each with its own Rice parameter. RFC 9639 §9.2.7. */
class RiceCoder {
  /** The result of `plan`. */
  bits = 0;
  #order = 0;
  #parameters = new Uint8Array(1 << MAX_PARTITION_ORDER);
  #trial = new Uint8Array(1 << MAX_PARTITION_ORDER);

  /**
   * Chooses partitions and parameters for `folded[warmUp, count)`.
   * @param folded residual with the sign in the lowest bit: 0, -1, 1, -2, … become 0, 1, 2, 3, …
   */
  plan(folded: Uint32Array, count: number, warmUp: number): void {
    this.bits = Number.POSITIVE_INFINITY;
    for (let order = 0; order <= MAX_PARTITION_ORDER; order += 1) {
      const length = count >> order;
      if (length << order !== count || length <= warmUp) {
        return;
      }
      let bits = METHOD_BITS;
      for (let i = 0; i < 1 << order; i += 1) {
        bits += PARAMETER_BITS + this.#fit(folded, i === 0 ? warmUp : i * length, (i + 1) * length, i);
      }
      if (bits < this.bits) {
        this.bits = bits;
        this.#order = order;
        [this.#parameters, this.#trial] = [this.#trial, this.#parameters];
      }
    }
  }

  /** Bits of one partition with its best parameter, which is stored in the trial list. */
  #fit(folded: Uint32Array, start: number, end: number, partition: number): number {
    let sum = 0;
    for (let i = start; i < end; i += 1) {
      sum += folded[i] as number;
    }
    // The best parameter is near log2 of the mean.
    const guess = Math.max(0, 31 - Math.clz32(sum / (end - start)));
    let best = Number.POSITIVE_INFINITY;
    for (let k = Math.max(0, guess - 1); k <= Math.min(MAX_RICE, guess + 1); k += 1) {
      let bits = (end - start) * (k + 1);
      for (let i = start; i < end; i += 1) {
        bits += (folded[i] as number) >>> k;
      }
      if (bits < best) {
        best = bits;
        this.#trial[partition] = k;
      }
    }
    return best;
  }

  write(out: BitWriter, folded: Uint32Array, count: number, warmUp: number): void {
    out.bits(0, 2); // parameters of 4 bits
    out.bits(this.#order, 4);
    const length = count >> this.#order;
    for (let i = 0; i < 1 << this.#order; i += 1) {
      const k = this.#parameters[i] as number;
      out.bits(k, PARAMETER_BITS);
      for (let at = i === 0 ? warmUp : i * length; at < (i + 1) * length; at += 1) {
        const value = folded[at] as number;
        out.unary(value >>> k);
        out.bits(value, k);
      }
    }
  }
}

/** Both checksums of RFC 9639 §9.1.8 and §9.3: not reflected, initial value 0. */

const CRC8 = tableOf(0x07, 8);
const CRC16 = tableOf(0x8005, 16);

function tableOf(polynomial: number, width: number): Uint16Array {
  const top = 1 << (width - 1);
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let crc = byte << (width - 8);
    for (let i = 0; i < 8; i += 1) {
      crc = crc & top ? (crc << 1) ^ polynomial : crc << 1;
    }
    return crc & ((1 << width) - 1);
  });
}

function crc8(bytes: Uint8Array, length: number): number {
  let crc = 0;
  for (let i = 0; i < length; i += 1) {
    crc = CRC8[crc ^ (bytes[i] as number)] as number;
  }
  return crc;
}

function crc16(bytes: Uint8Array, length: number): number {
  let crc = 0;
  for (let i = 0; i < length; i += 1) {
    crc = ((crc << 8) & 0xff00) ^ (CRC16[(crc >> 8) ^ (bytes[i] as number)] as number);
  }
  return crc;
}
