import type { Sample } from '../../../media/sample/sample.ts';

interface Anchor {
  /** Presentation time of the first sample of a segment. */
  readonly fromS: number;
  /** Unix time minus presentation time. */
  readonly offsetMs: number;
}

/** Limit of remembered segments: other renditions lag the leading one by fewer. */
const MAX_ANCHORS = 16;
/** With reordering, presentation times of key frames jitter around the boundary; segments are longer than this. */
const TREMBLE_S = 0.1;
/** Maximum correction per second of media: the drift of cameras' clocks. */
const SLEW_MS = 0.1;
/** A larger difference means that the box's clock was set. */
const STEP_MS = 1_000;
/** Audio is dated earlier by this: the slew over the length of a playlist, plus rounding. */
const SOUND_EARLY_MS = 4;

/**
 * Wall clock of all renditions' segments: the leading one's, smoothed. Each track's own clock follows its packets'
 * arrival and may differ by hundreds of milliseconds for minutes. hls.js places the first audio segment by it; an audio
 * time slightly too late makes it wait for a whole segment, so audio is dated slightly early.
 */
export class SegmentClock {
  /** Oldest first. */
  readonly #anchors: Anchor[] = [];

  /** Starts a segment of the leading rendition. @returns Unix milliseconds */
  begins(first: Sample, clockRateHz: number): number {
    const fromS = first.pts / clockRateHz;
    const offsetMs = this.#slewed(fromS, first.wall - fromS * 1000);
    this.#anchors.push({ fromS, offsetMs });
    if (this.#anchors.length > MAX_ANCHORS) {
      this.#anchors.shift();
    }
    return fromS * 1000 + offsetMs;
  }

  /** Unix milliseconds of a segment's first sample. Before all known samples the oldest one's offset applies. */
  wallMsOf(sample: Sample, clockRateHz: number, kind: 'video' | 'audio'): number {
    const atS = sample.pts / clockRateHz;
    const anchor = this.#anchors.findLast(({ fromS }) => fromS <= atS + TREMBLE_S) ?? this.#anchors[0];
    const wallMs = anchor ? atS * 1000 + anchor.offsetMs : sample.wall;
    return kind === 'audio' ? wallMs - SOUND_EARLY_MS : wallMs;
  }

  #slewed(fromS: number, wantedMs: number): number {
    const last = this.#anchors.at(-1);
    if (!last || Math.abs(wantedMs - last.offsetMs) > STEP_MS) {
      return wantedMs;
    }
    const maxMs = Math.max(0, fromS - last.fromS) * SLEW_MS;
    return last.offsetMs + Math.min(maxMs, Math.max(-maxMs, wantedMs - last.offsetMs));
  }
}
