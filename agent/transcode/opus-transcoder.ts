import { Application, createEncoder, type OpusEncoderHandle, type SampleRate } from 'libopus-wasm';
import { PerchError } from '../base/errors.ts';
import { PcmBlockBuffer } from '../media/pcm/block-buffer.ts';
import { opusRateOf } from '../media/resample/resampler.ts';
import type { Emit, TrackTranscoder } from './contracts.ts';
import { createPcmSource, type PcmSource } from './pcm-source.ts';
import { type OpusSourceTrack, sourceFormatOf } from './transcodable.ts';

const CLOCK_HZ = 48_000;
/** The low-delay mode has a quarter of the look-ahead. Above 3, complexity doubles the cost without audible gain. */
const COMPLEXITY = 3;
const STEREO_BITS_PER_SECOND = 64_000;
const WIDE_BITS_PER_SECOND = 32_000;
const NARROW_BITS_PER_SECOND = 24_000;
/** From this rate on, audio is more than speech. */
const WIDE_RATE_HZ = 24_000;

/** AAC-LC or PCM to Opus packets of frames of 20 ms (RFC 6716 §3.2.5) with regular timestamps. */
export class OpusTranscoder implements TrackTranscoder {
  readonly #source: PcmSource;
  readonly #encoder: OpusEncoderHandle;
  readonly #blocks: PcmBlockBuffer;
  /** PCM samples per tick of the input. */
  readonly #samplesPerTick: number;
  readonly #ticksPerSample: number;
  readonly #emit: Emit;

  /**
   * @param packetTicks duration of a packet, in ticks of 48 kHz: one to six frames of 20 ms
   * @throws PerchError if the track cannot be transcoded to Opus
   */
  static async create(track: OpusSourceTrack, packetTicks: number, emit: Emit): Promise<OpusTranscoder> {
    const { rateHz, channels } = sourceFormatOf(track);
    if (channels !== 1 && channels !== 2) {
      throw new PerchError('unsupported', `audio with ${channels} channels cannot be transcoded to Opus`);
    }
    const sampleRate = opusRateOf(rateHz) as SampleRate;
    const mono = sampleRate >= WIDE_RATE_HZ ? WIDE_BITS_PER_SECOND : NARROW_BITS_PER_SECOND;
    const encoder = await createEncoder({
      application: Application.RestrictedLowDelay,
      sampleRate,
      channels,
      frameSize: (sampleRate * packetTicks) / CLOCK_HZ,
      complexity: COMPLEXITY,
      bitrate: channels === 2 ? STEREO_BITS_PER_SECOND : mono,
    });
    return new OpusTranscoder(track, encoder, emit);
  }

  private constructor(track: OpusSourceTrack, encoder: OpusEncoderHandle, emit: Emit) {
    const { sampleRate: rateHz, channels, frameSize: blockSamples } = encoder;
    this.#source = createPcmSource(track);
    this.#encoder = encoder;
    this.#samplesPerTick = rateHz / track.clockRate;
    this.#ticksPerSample = CLOCK_HZ / rateHz;
    this.#emit = emit;
    this.#blocks = new PcmBlockBuffer({ rateHz, channels, blockSamples }, (block, pts, wall) =>
      this.#emit(pts * this.#ticksPerSample, wall, this.#encoder.encode(block)),
    );
  }

  push(data: Uint8Array, pts: number, wall: number): number {
    const count = this.#source.read(data);
    this.#blocks.push(this.#source.values, count, Math.round(pts * this.#samplesPerTick), wall);
    // A resampler's counts vary by one, and the correction of drift adds up to 1 %.
    return ((this.#blocks.missing - 1) * 990) / this.#encoder.sampleRate;
  }

  free(): void {
    this.#encoder.free();
  }
}
