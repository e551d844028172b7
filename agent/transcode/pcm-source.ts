import { PerchError } from '../base/errors.ts';
import { AacDecoder, FRAME_SAMPLES } from '../media/aac/decode/decoder.ts';
import { type PcmDecoder, type PcmTrack, pcmDecoderOf, sampleRateOf } from '../media/pcm/decode.ts';
import { opusRateOf, Resampler } from '../media/resample/resampler.ts';
import type { AacTrack } from '../media/sample/track.ts';
import type { OpusOrigin } from './turnable.ts';

/** Frames of a track as PCM of a rate that Opus takes. */
export interface PcmSource {
  /** Interleaved; what `read` has made. Another array may take its place with each call. */
  readonly values: Int16Array;
  /** @returns how many values there are, all channels together. What is damaged is silence. */
  read(data: Uint8Array): number;
}

export function createPcmSource(track: OpusOrigin): PcmSource {
  if (track.codec === 'aac') {
    return new AacSource(track);
  }
  const plain = new PlainSource(pcmDecoderOf(track));
  const rateHz = sampleRateOf(track);
  return opusRateOf(rateHz) === rateHz ? plain : new ResampledSource(plain, track, rateHz);
}

class PlainSource implements PcmSource {
  values = new Int16Array(0);
  readonly #decoder: PcmDecoder;

  constructor(decoder: PcmDecoder) {
    this.#decoder = decoder;
  }

  read(data: Uint8Array): number {
    const most = data.length * this.#decoder.valuesPerByte;
    if (this.values.length < most) {
      this.values = new Int16Array(Math.ceil(most));
    }
    return this.#decoder.decode(data, this.values);
  }
}

/** PCM of another rate. */
class ResampledSource implements PcmSource {
  readonly #plain: PlainSource;
  readonly #channels: number;
  readonly #rate: AtOpusRate;
  #floats = new Float32Array(0);

  constructor(plain: PlainSource, { channels }: PcmTrack, rateHz: number) {
    this.#plain = plain;
    this.#channels = channels;
    this.#rate = new AtOpusRate(rateHz, channels === 1 ? 1 : 2);
  }

  get values(): Int16Array {
    return this.#rate.values;
  }

  read(data: Uint8Array): number {
    const count = this.#plain.read(data);
    if (this.#floats.length < count) {
      this.#floats = new Float32Array(count);
    }
    const { values } = this.#plain;
    for (let i = 0; i < count; i += 1) {
      this.#floats[i] = (values[i] as number) / FULL_SCALE;
    }
    return this.#rate.put(this.#floats, Math.floor(count / this.#channels));
  }
}

class AacSource implements PcmSource {
  readonly #decoder: AacDecoder;
  readonly #floats: Float32Array;
  readonly #rate: AtOpusRate;

  constructor({ config }: AacTrack) {
    this.#decoder = new AacDecoder(config);
    const { rateHz, channels } = this.#decoder;
    this.#floats = new Float32Array(FRAME_SAMPLES * channels);
    this.#rate = new AtOpusRate(rateHz, channels);
  }

  get values(): Int16Array {
    return this.#rate.values;
  }

  read(data: Uint8Array): number {
    return this.#rate.put(this.#floats, this.#decode(data));
  }

  #decode(frame: Uint8Array): number {
    try {
      return this.#decoder.decode(frame, this.#floats);
    } catch (error) {
      if (error instanceof PerchError) {
        return this.#decoder.conceal(this.#floats);
      }
      throw error;
    }
  }
}

const FULL_SCALE = 32_767;

/** Sound of full scale 1 in 16 bits and at the rate that Opus takes. */
class AtOpusRate {
  values = new Int16Array(0);
  readonly #resampler: Resampler | undefined;
  readonly #channels: 1 | 2;
  #floats = new Float32Array(0);

  constructor(rateHz: number, channels: 1 | 2) {
    const opusHz = opusRateOf(rateHz);
    this.#resampler = opusHz === rateHz ? undefined : new Resampler(rateHz, opusHz, channels);
    this.#channels = channels;
  }

  /** @returns how many values have come, all channels together */
  put(floats: Float32Array, samples: number): number {
    const most = (this.#resampler?.outputFor(samples) ?? samples) * this.#channels;
    if (this.values.length < most) {
      this.values = new Int16Array(most);
      this.#floats = new Float32Array(this.#resampler ? most : 0);
    }
    const source = this.#resampler ? this.#floats : floats;
    const count = (this.#resampler?.push(floats, samples, this.#floats) ?? samples) * this.#channels;
    for (let i = 0; i < count; i += 1) {
      // A filter may swing beyond full scale.
      const value = Math.round((source[i] as number) * FULL_SCALE);
      this.values[i] = Math.max(-FULL_SCALE, Math.min(FULL_SCALE, value));
    }
    return count;
  }
}
