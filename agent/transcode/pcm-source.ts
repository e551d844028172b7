import { PerchError } from '../base/errors.ts';
import { AacDecoder, FRAME_SAMPLES } from '../media/aac/decode/decoder.ts';
import { type PcmDecoder, type PcmTrack, pcmDecoderOf, sampleRateOf } from '../media/pcm/decode.ts';
import { opusRateOf, Resampler } from '../media/resample/resampler.ts';
import type { AacTrack } from '../media/sample/track.ts';
import type { OpusSourceTrack } from './transcodable.ts';

/** Decodes a track's frames to PCM at a rate that Opus supports. */
export interface PcmSource {
  /** Interleaved; the result of `read`, which may replace the array. */
  readonly values: Int16Array;
  /** @returns the number of values of all channels together. Damaged data yields silence. */
  read(data: Uint8Array): number;
}

export function createPcmSource(track: OpusSourceTrack): PcmSource {
  if (track.codec === 'aac') {
    return new AacPcmSource(track);
  }
  const plain = new DirectPcmSource(pcmDecoderOf(track));
  const rateHz = sampleRateOf(track);
  return opusRateOf(rateHz) === rateHz ? plain : new ResampledPcmSource(plain, track, rateHz);
}

class DirectPcmSource implements PcmSource {
  values = new Int16Array(0);
  readonly #decoder: PcmDecoder;

  constructor(decoder: PcmDecoder) {
    this.#decoder = decoder;
  }

  read(data: Uint8Array): number {
    const maxValues = data.length * this.#decoder.valuesPerByte;
    if (this.values.length < maxValues) {
      this.values = new Int16Array(Math.ceil(maxValues));
    }
    return this.#decoder.decode(data, this.values);
  }
}

class ResampledPcmSource implements PcmSource {
  readonly #plain: DirectPcmSource;
  readonly #channels: number;
  readonly #rate: OpusRateConverter;
  #floats = new Float32Array(0);

  constructor(plain: DirectPcmSource, { channels }: PcmTrack, rateHz: number) {
    this.#plain = plain;
    this.#channels = channels;
    this.#rate = new OpusRateConverter(rateHz, channels === 1 ? 1 : 2);
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

class AacPcmSource implements PcmSource {
  readonly #decoder: AacDecoder;
  readonly #floats: Float32Array;
  readonly #rate: OpusRateConverter;

  constructor({ config }: AacTrack) {
    this.#decoder = new AacDecoder(config);
    const { rateHz, channels } = this.#decoder;
    this.#floats = new Float32Array(FRAME_SAMPLES * channels);
    this.#rate = new OpusRateConverter(rateHz, channels);
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

/** Converts floats of full scale 1 to 16 bits at a rate that Opus supports. */
class OpusRateConverter {
  values = new Int16Array(0);
  readonly #resampler: Resampler | undefined;
  readonly #channels: 1 | 2;
  #floats = new Float32Array(0);

  constructor(rateHz: number, channels: 1 | 2) {
    const opusHz = opusRateOf(rateHz);
    this.#resampler = opusHz === rateHz ? undefined : new Resampler(rateHz, opusHz, channels);
    this.#channels = channels;
  }

  /** @returns the number of values of all channels together */
  put(floats: Float32Array, samples: number): number {
    const maxValues = (this.#resampler?.outputFor(samples) ?? samples) * this.#channels;
    if (this.values.length < maxValues) {
      this.values = new Int16Array(maxValues);
      this.#floats = new Float32Array(this.#resampler ? maxValues : 0);
    }
    const source = this.#resampler ? this.#floats : floats;
    const count = (this.#resampler?.push(floats, samples, this.#floats) ?? samples) * this.#channels;
    for (let i = 0; i < count; i += 1) {
      // A filter can overshoot full scale.
      const value = Math.round((source[i] as number) * FULL_SCALE);
      this.values[i] = Math.max(-FULL_SCALE, Math.min(FULL_SCALE, value));
    }
    return count;
  }
}
