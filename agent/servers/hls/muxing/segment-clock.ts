import type { Sample } from '../../../media/sample.ts';

/**
 * Wall clock of the segments of all renditions: that of the leading one. Each track's own is smoothed from the arrival of its own packets,
 * and for minutes may be hundreds of milliseconds off another one's; players that place renditions by it would hear that.
 */
export class SegmentClock {
  #offsetMs = Number.NaN;

  /** A segment of the leading rendition begins. */
  begins(first: Sample, clockRateHz: number): void {
    this.#offsetMs = first.wall - (first.pts * 1000) / clockRateHz;
  }

  /** Unix milliseconds of a sample of any rendition, in the segment that has begun. */
  wallMsOf(sample: Sample, clockRateHz: number): number {
    return (sample.pts * 1000) / clockRateHz + this.#offsetMs;
  }
}
