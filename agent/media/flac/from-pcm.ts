import { PcmBlockBuffer } from '../pcm/block-buffer.ts';
import { type PcmDecoder, type PcmTrack, pcmDecoderOf, sampleRateOf } from '../pcm/decode.ts';
import type { Sample } from '../sample/sample.ts';
import type { FlacTrack } from '../sample/track.ts';
import { FlacEncoder } from './encode.ts';

/** 40 ms: smaller blocks cost bytes, larger ones delay. */
const FRAMES_PER_SECOND = 25;

/** The track that `FlacFromPcm` makes. */
export function flacTrackOf(track: PcmTrack): FlacTrack {
  const clockRate = sampleRateOf(track);
  const frameSamples = Math.max(16, Math.round(clockRate / FRAMES_PER_SECOND));
  return { kind: 'audio', codec: 'flac', clockRate, channels: track.channels, frameSamples };
}

/** Encodes G.711, G.722 or LPCM of any packet length as FLAC frames of 40 ms with steady timestamps. */
export class FlacFromPcm {
  readonly #encoder: FlacEncoder;
  readonly #decoder: PcmDecoder;
  readonly #blocks: PcmBlockBuffer;
  /** Buffer for the PCM values of the current sample. */
  #values = new Int16Array(0);
  /** PCM samples in a tick of the input. */
  readonly #samplesPerTick: number;

  /** @param emit called during `push` for each full frame */
  constructor(track: PcmTrack, emit: (sample: Sample) => void) {
    const { clockRate, channels, frameSamples } = flacTrackOf(track);
    this.#decoder = pcmDecoderOf(track);
    const { unusedBits } = this.#decoder;
    this.#encoder = new FlacEncoder({ sampleRateHz: clockRate, channels, frameSamples, unusedBits });
    this.#samplesPerTick = clockRate / track.clockRate;
    this.#blocks = new PcmBlockBuffer({ rateHz: clockRate, channels, blockSamples: frameSamples }, (block, pts, wall) =>
      emit({ pts, dts: pts, wall, key: true, data: this.#encoder.encode(block) }),
    );
  }

  push(sample: Sample): void {
    const maxValues = sample.data.length * this.#decoder.valuesPerByte;
    if (this.#values.length < maxValues) {
      this.#values = new Int16Array(Math.ceil(maxValues));
    }
    const count = this.#decoder.decode(sample.data, this.#values);
    this.#blocks.push(this.#values, count, sample.pts * this.#samplesPerTick, sample.wall);
  }
}
