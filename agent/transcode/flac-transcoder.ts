import { createDecoder, isOpusError, type OpusDecoderHandle, type SampleRate } from 'libopus-wasm';
import { PerchError } from '../base/errors.ts';
import { FlacEncoder } from '../media/flac/encode.ts';
import { PcmBlockBuffer } from '../media/pcm/block-buffer.ts';
import type { FlacTrack, OpusTrack } from '../media/sample/track.ts';
import type { Emit, TrackTranscoder } from './contracts.ts';
import { flacTrackOf } from './transcodable.ts';

/** Opus to FLAC frames of 20 ms with regular timestamps. */
export class FlacTranscoder implements TrackTranscoder {
  readonly #decoder: OpusDecoderHandle;
  readonly #encoder: FlacEncoder;
  readonly #blocks: PcmBlockBuffer;
  readonly #samplesPerTick: number;
  readonly #emit: Emit;

  /** @throws PerchError for more than two channels */
  static async create(track: OpusTrack, emit: Emit): Promise<FlacTranscoder> {
    const flac = flacTrackOf(track);
    if (!flac) {
      throw new PerchError('unsupported', `Opus with ${track.channels} channels cannot be transcoded to FLAC`);
    }
    const { clockRate, channels } = flac;
    const decoder = await createDecoder({ sampleRate: clockRate as SampleRate, channels: channels === 1 ? 1 : 2 });
    return new FlacTranscoder(track, flac, decoder, emit);
  }

  private constructor(track: OpusTrack, flac: FlacTrack, decoder: OpusDecoderHandle, emit: Emit) {
    const { clockRate: rateHz, channels, frameSamples } = flac;
    this.#decoder = decoder;
    this.#encoder = new FlacEncoder({ sampleRateHz: rateHz, channels, frameSamples, unusedBits: 0 });
    this.#samplesPerTick = rateHz / track.clockRate;
    this.#emit = emit;
    this.#blocks = new PcmBlockBuffer({ rateHz, channels, blockSamples: frameSamples }, (block, pts, wall) =>
      this.#emit(pts, wall, this.#encoder.encode(block)),
    );
  }

  push(data: Uint8Array, pts: number, wall: number): number {
    const values = this.#decode(data);
    if (values) {
      this.#blocks.push(values, values.length, Math.round(pts * this.#samplesPerTick), wall);
    }
    return 0;
  }

  free(): void {
    this.#decoder.free();
  }

  /** undefined if the packet is damaged; the gap is filled before the next packet's audio. */
  #decode(packet: Uint8Array): Int16Array | undefined {
    try {
      // libopus would conceal an empty packet.
      return packet.length === 0 ? undefined : this.#decoder.decode(packet);
    } catch (error) {
      if (isOpusError(error)) {
        return undefined;
      }
      throw error;
    }
  }
}
