import { PerchError } from '../base/errors.ts';
import { AacDecoder, FRAME_SAMPLES } from '../media/aac/decode/decoder.ts';
import { type PcmDecoder, pcmDecoderOf } from '../media/pcm/decode.ts';
import type { AacTrack } from '../media/track.ts';
import type { OpusOrigin } from './turnable.ts';

/** Frames of a track as PCM. */
export interface PcmSource {
  /** Interleaved; what `read` has made. Another array may take its place with each call. */
  readonly values: Int16Array;
  /** @returns how many values there are, all channels together. What is damaged is silence. */
  read(data: Uint8Array): number;
}

export function createPcmSource(track: OpusOrigin): PcmSource {
  return track.codec === 'aac' ? new AacSource(track) : new PlainSource(pcmDecoderOf(track));
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

class AacSource implements PcmSource {
  readonly values: Int16Array;
  readonly #decoder: AacDecoder;
  readonly #floats: Float32Array;

  constructor({ config }: AacTrack) {
    this.#decoder = new AacDecoder(config);
    this.#floats = new Float32Array(FRAME_SAMPLES * this.#decoder.channels);
    this.values = new Int16Array(this.#floats.length);
  }

  read(data: Uint8Array): number {
    const floats = this.#floats;
    const count = this.#decode(data) * this.#decoder.channels;
    for (let i = 0; i < count; i += 1) {
      this.values[i] = Math.round((floats[i] as number) * 32_767);
    }
    return count;
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
