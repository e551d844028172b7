import { BitWriter } from './bit-writer.ts';
import { crc8, crc16 } from './crc.ts';
import { RiceCoder } from './residual.ts';

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
  /** Low bits that are 0 in every sample, known from where the samples come from. */
  readonly unusedBits: number;
}

const DEPTH_BITS = 16;
const MAX_ORDER = 4;
const MAX_FRAME_NUMBER = 0x7fff_ffff;
/** RFC 9639 §9.1.2; 0: as STREAMINFO says. */
const RATE_CODE = new Map([8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000].map((rate, i) => [rate, i + 4]));
const SIZE_IN_8_BITS = 6;
const SIZE_IN_16_BITS = 7;

/** Lossless frames of 16-bit PCM with fixed predictors: what linear prediction would gain on telephone sound is not worth its cost. */
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
    this.#out.clear();
    this.#writeHeader();
    for (let channel = 0; channel < channels; channel += 1) {
      for (let i = 0; i < frameSamples; i += 1) {
        this.#signal[i] = (pcm[i * channels + channel] as number) >> unusedBits;
      }
      this.#writeSubframe();
    }
    this.#out.align();
    this.#out.put(crc16(this.#out.bytes, this.#out.length), 16);
    // Counted up, never left at 0: ffmpeg takes its times from it.
    this.#frameNumber = this.#frameNumber === MAX_FRAME_NUMBER ? 0 : this.#frameNumber + 1;
    return this.#out.bytes.slice(0, this.#out.length);
  }

  #writeHeader(): void {
    const out = this.#out;
    const { channels, frameSamples, sampleRateHz } = this.#format;
    const isSmall = frameSamples <= 256;
    out.put(0xfff8, 16);
    out.put(isSmall ? SIZE_IN_8_BITS : SIZE_IN_16_BITS, 4);
    out.put(RATE_CODE.get(sampleRateHz) ?? 0, 4);
    out.put(channels - 1, 4);
    out.put(0b1000, 4); // 16 bits, reserved 0
    this.#writeFrameNumber();
    out.put(frameSamples - 1, isSmall ? 8 : 16);
    out.put(crc8(out.bytes, out.length), 8);
  }

  /** The way UTF-8 codes a character, up to 31 bits (RFC 9639 §9.1.5). */
  #writeFrameNumber(): void {
    const number = this.#frameNumber;
    if (number < 0x80) {
      this.#out.put(number, 8);
      return;
    }
    // n bytes carry 5n + 1 bits.
    const bytes = Math.ceil((31 - Math.clz32(number)) / 5);
    const mark = (0xff00 >> bytes) & 0xff;
    this.#out.put(mark | (number >>> (6 * (bytes - 1))), 8);
    for (let i = bytes - 2; i >= 0; i -= 1) {
      this.#out.put(0x80 | ((number >>> (6 * i)) & 0x3f), 8);
    }
  }

  #writeSubframe(): void {
    const { frameSamples, unusedBits } = this.#format;
    const bits = DEPTH_BITS - unusedBits;
    const signal = this.#signal;
    if (isConstant(signal)) {
      this.#subframeHeader(0);
      this.#out.put(signal[0] as number, bits);
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
    this.#out.put((type << 1) | (unusedBits > 0 ? 1 : 0), 8);
    if (unusedBits > 0) {
      this.#out.unary(unusedBits - 1);
    }
  }

  #putPlain(count: number, bits: number): void {
    for (let i = 0; i < count; i += 1) {
      this.#out.put(this.#signal[i] as number, bits);
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

/** The fixed predictor (RFC 9639 §9.2.5) whose residual is least in sum: order n predicts by the n-th difference. */
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
    // The first differences lack their predecessors: they are warm-up and cost the same in every order.
    if (i >= MAX_ORDER) {
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
