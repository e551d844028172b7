import { opusFrameTicks } from '../media/opus/params.ts';
import { isPcm, sampleRateOf } from '../media/pcm/decode.ts';
import type { Track } from '../media/sample/track.ts';
import type { TargetCodec } from './contracts.ts';

/** Twice real time: room for clock drift and for backlogs. A faster sender exceeds the limit. */
const PACE = 2;
/** The least cost of a sample: the shortest packets in use (AES67) hold 0.125 ms. */
const MIN_MS = 0.1;
const OPUS_TICKS_PER_MS = 48;
/**
 * Audio admitted at once. Opus output is live, and ffmpeg sends 0.7 s at a time. FLAC output starts with the stream's
 * cached GOP and costs a tenth of the work.
 */
const BURST_MS: Readonly<Record<TargetCodec, number>> = { opus: 5_000, flac: 60_000 };

/** Limits one track's share of the worker by audio duration, independent of packet sizes. */
export class AudioRateLimit {
  readonly #durationMs: (data: Uint8Array) => number;
  readonly #burstMs: number;
  /** Monotonic time at which all audio admitted so far will be used up at this pace. */
  #spentMs = Number.NEGATIVE_INFINITY;

  constructor(target: TargetCodec, track: Track) {
    this.#durationMs = durationOf(track);
    this.#burstMs = BURST_MS[target];
  }

  /** Counts the sample if it is admitted. @param nowMs monotonic */
  admits(data: Uint8Array, nowMs: number): boolean {
    const spentMs = Math.max(this.#spentMs, nowMs);
    if (spentMs - nowMs > this.#burstMs / PACE) {
      return false;
    }
    this.#spentMs = spentMs + Math.max(MIN_MS, this.#durationMs(data)) / PACE;
    return true;
  }
}

/** The duration of a sample in ms, by its size alone; 0: unknown. */
export function durationOf(track: Track): (data: Uint8Array) => number {
  if (track.codec === 'opus') {
    return (data) => opusFrameTicks(data) / OPUS_TICKS_PER_MS;
  }
  if (isPcm(track)) {
    // G.722 holds two values per byte.
    const bitsPerValue = track.codec === 'lpcm' ? track.bitDepth : track.codec === 'g722' ? 4 : 8;
    const bytesPerMs = (sampleRateOf(track) * track.channels * bitsPerValue) / 8 / 1000;
    return (data) => data.length / bytesPerMs;
  }
  const frameMs = 'frameSamples' in track ? (track.frameSamples * 1000) / track.clockRate : 0;
  return () => frameMs;
}
