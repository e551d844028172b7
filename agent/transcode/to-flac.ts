import { createDecoder, isOpusError, type OpusDecoderHandle, type SampleRate } from 'libopus-wasm';
import { PerchError } from '../base/errors.ts';
import { FlacEncoder } from '../media/flac/encode.ts';
import { SteadyBlocks } from '../media/pcm/steady-blocks.ts';
import type { FlacTrack, OpusTrack } from '../media/sample/track.ts';
import type { Chain, Emit } from './chain.ts';
import { flacOfOpus } from './turnable.ts';

/** Opus into FLAC frames of 20 ms, with steady times. */
export class ToFlac implements Chain {
  readonly #decoder: OpusDecoderHandle;
  readonly #encoder: FlacEncoder;
  readonly #blocks: SteadyBlocks;
  readonly #samplesPerTick: number;
  readonly #emit: Emit;

  /** @throws PerchError when the track has more than two channels */
  static async create(track: OpusTrack, emit: Emit): Promise<ToFlac> {
    const flac = flacOfOpus(track);
    if (!flac) {
      throw new PerchError('unsupported', `no FLAC of Opus with ${track.channels} channels`);
    }
    const { clockRate, channels } = flac;
    const decoder = await createDecoder({ sampleRate: clockRate as SampleRate, channels: channels === 1 ? 1 : 2 });
    return new ToFlac(track, flac, decoder, emit);
  }

  private constructor(track: OpusTrack, flac: FlacTrack, decoder: OpusDecoderHandle, emit: Emit) {
    const { clockRate: rateHz, channels, frameSamples } = flac;
    this.#decoder = decoder;
    this.#encoder = new FlacEncoder({ sampleRateHz: rateHz, channels, frameSamples, unusedBits: 0 });
    this.#samplesPerTick = rateHz / track.clockRate;
    this.#emit = emit;
    this.#blocks = new SteadyBlocks({ rateHz, channels, blockSamples: frameSamples }, (block, pts, wall) =>
      this.#emit(pts, wall, this.#encoder.encode(block)),
    );
  }

  push(data: Uint8Array, pts: number, wall: number): void {
    const values = this.#decode(data);
    if (values) {
      this.#blocks.push(values, values.length, Math.round(pts * this.#samplesPerTick), wall);
    }
  }

  free(): void {
    this.#decoder.free();
  }

  /** undefined: nothing can be made of it; what comes next finds a gap, which is filled. */
  #decode(packet: Uint8Array): Int16Array | undefined {
    try {
      // For no bytes at all it would make something up.
      return packet.length === 0 ? undefined : this.#decoder.decode(packet);
    } catch (error) {
      if (isOpusError(error)) {
        return undefined;
      }
      throw error;
    }
  }
}
