import type { Sample } from '../../../media/sample/sample.ts';

interface Anchor {
  /** Presentation time of the first sample of a segment. */
  readonly fromS: number;
  /** Unix time minus presentation time. */
  readonly offsetMs: number;
}

/** Renditions are behind the leading one by less. */
const MAX_ANCHORS = 16;
/** Where pictures are reordered a key picture's presentation trembles against the boundary; segments are longer than that. */
const TREMBLE_S = 0.1;
/** By so much a second the clock is put right: as far as the clocks of cameras are off. */
const SLEW_MS = 0.1;
/** Further off it is another clock: the machine's has been set. */
const STEP_MS = 1_000;
/** What the slew makes of a playlist's length, and whole milliseconds. */
const SOUND_EARLY_MS = 4;

/**
 * Wall clock of the segments of all renditions: that of the leading one, as even as the media. Each track's own is smoothed from the arrival
 * of its own packets: for minutes it may be hundreds of milliseconds off another one's, and it is put right by milliseconds a second.
 * hls.js places the sound's first segment by it beside the picture's middle one, and where that is the least bit too late waits for a whole
 * segment behind the last part of one: so the sound's is a little early.
 */
export class SegmentClock {
  /** Oldest first. */
  readonly #anchors: Anchor[] = [];

  /** A segment of the leading rendition begins. @returns Unix milliseconds */
  begins(first: Sample, clockRateHz: number): number {
    const fromS = first.pts / clockRateHz;
    const offsetMs = this.#slewed(fromS, first.wall - fromS * 1000);
    this.#anchors.push({ fromS, offsetMs });
    if (this.#anchors.length > MAX_ANCHORS) {
      this.#anchors.shift();
    }
    return fromS * 1000 + offsetMs;
  }

  /** Unix milliseconds of the first sample of a segment of any rendition. What begins before all known samples is dated by the oldest. */
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
    const mostMs = Math.max(0, fromS - last.fromS) * SLEW_MS;
    return last.offsetMs + Math.min(mostMs, Math.max(-mostMs, wantedMs - last.offsetMs));
  }
}
