import { opusFrameTicks } from '../media/opus/params.ts';
import { isPcm, sampleRateOf } from '../media/pcm/decode.ts';
import type { Track } from '../media/sample/track.ts';
import type { Form } from './messages.ts';

/** Faster than it plays, for clocks that run apart and for what has piled up; who sends faster for longer floods. */
const PACE = 2;
/** What a sample costs however little sound is in it: the shortest packets that people send (AES67) hold 0.125 ms. */
const MIN_MS = 0.1;
const OPUS_TICKS_PER_MS = 48;
/**
 * Sound that may come at once. What becomes Opus is live: ffmpeg sends 0.7 s at a time. FLAC begins with what a stream keeps, which is
 * a group of pictures, and takes a tenth of the work.
 */
const BURST_MS: Readonly<Record<Form, number>> = { opus: 5_000, flac: 60_000 };

/** The share of the engine that one track may have: as much sound as passes in the time, whatever sizes it is cut into. */
export class SoundBudget {
  readonly #durationMs: (data: Uint8Array) => number;
  readonly #burstMs: number;
  /** When all that has come so far would have been spent. */
  #spentMs = Number.NEGATIVE_INFINITY;

  constructor(form: Form, track: Track) {
    this.#durationMs = durationOf(track);
    this.#burstMs = BURST_MS[form];
  }

  /** Whether a sample has room; then it is counted. @param nowMs monotonic */
  takes(data: Uint8Array, nowMs: number): boolean {
    const spentMs = Math.max(this.#spentMs, nowMs);
    if (spentMs - nowMs > this.#burstMs / PACE) {
      return false;
    }
    this.#spentMs = spentMs + Math.max(MIN_MS, this.#durationMs(data)) / PACE;
    return true;
  }
}

function durationOf(track: Track): (data: Uint8Array) => number {
  if (track.codec === 'opus') {
    return (data) => opusFrameTicks(data) / OPUS_TICKS_PER_MS;
  }
  if (isPcm(track)) {
    // G.722 has two values in a byte.
    const bitsPerValue = track.codec === 'lpcm' ? track.bitDepth : track.codec === 'g722' ? 4 : 8;
    const bytesPerMs = (sampleRateOf(track) * track.channels * bitsPerValue) / 8 / 1000;
    return (data) => data.length / bytesPerMs;
  }
  const frameMs = 'frameSamples' in track ? (track.frameSamples * 1000) / track.clockRate : 0;
  return () => frameMs;
}
