import type { Sample } from '../../../media/sample.ts';

interface Anchor {
  /** Presentation time of the first sample of a segment. */
  readonly fromS: number;
  /** Unix time minus presentation time. */
  readonly offsetMs: number;
}

/** Renditions are behind the leading one by less. */
const MOST_ANCHORS = 16;
/** Where pictures are reordered a key picture's presentation trembles against the boundary; segments are longer than that. */
const TREMBLE_S = 0.1;

/**
 * Wall clock of the segments of all renditions: that of the leading one. Each track's own is smoothed from the arrival of its own packets,
 * and for minutes may be hundreds of milliseconds off another one's; players that place renditions by it would hear that.
 */
export class SegmentClock {
  /** Oldest first. */
  readonly #anchors: Anchor[] = [];

  /** A segment of the leading rendition begins. */
  begins(first: Sample, clockRateHz: number): void {
    const fromS = first.pts / clockRateHz;
    this.#anchors.push({ fromS, offsetMs: first.wall - fromS * 1000 });
    if (this.#anchors.length > MOST_ANCHORS) {
      this.#anchors.shift();
    }
  }

  /** Unix milliseconds of the first sample of a segment of any rendition. */
  wallMsOf(sample: Sample, clockRateHz: number): number {
    const atS = sample.pts / clockRateHz;
    const anchor = this.#anchors.findLast(({ fromS }) => fromS <= atS + TREMBLE_S) ?? this.#anchors[0];
    return anchor ? atS * 1000 + anchor.offsetMs : sample.wall;
  }
}
