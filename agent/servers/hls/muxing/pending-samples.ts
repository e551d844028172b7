import type { TrackRun } from '../../../media/mp4/write/fragment.ts';
import { TrackRunBuffer } from '../../../media/mp4/write/track-run.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import type { Track } from '../../../media/sample/track.ts';
import { FULL_PART } from './part-target.ts';
import { PictureIntervals, type SteadyInterval, typicalOf } from './picture-intervals.ts';

/** Added to all times: decode times of a stream with B-frames must not be negative. */
const TIME_OFFSET_S = 10;

/** Samples of one track that are not in a part yet. */
export class PendingSamples extends TrackRunBuffer {
  readonly #intervals: PictureIntervals;
  /** No part ends before it. */
  #examined = 1;

  constructor(track: Track) {
    super(0, track);
    this.describe(track);
    // The frame rate of video may change.
    this.#intervals = new PictureIntervals(track.kind === 'video');
  }

  describe(track: Track): void {
    this.track = track;
    this.originDts = -TIME_OFFSET_S * track.clockRate;
  }

  /** Interval of the latest samples, including those in parts, or undefined if there are too few, or the rate is changing. */
  steadyInterval(): SteadyInterval | undefined {
    return this.#intervals.steady();
  }

  override append(sample: Sample): boolean {
    if (!super.append(sample)) {
      return false;
    }
    this.#intervals.add(sample.dts);
    this.intervalTicks = Math.round(this.#intervals.usualTicks);
    return true;
  }

  override take(count: number, endDts?: number): TrackRun {
    this.#examined = 1;
    return super.take(count, endDts);
  }

  override drop(count: number): void {
    this.#examined = 1;
    super.drop(count);
  }

  /** Number of samples before `pts`. */
  countBefore(pts: number): number {
    let { count } = this;
    while (count > 0 && (this.at(count - 1) as Sample).pts >= pts) {
      count -= 1;
    }
    return count;
  }

  /**
   * The number of samples of the next part; 0: more are needed. A part ends before the sample that would exceed the
   * target, before a key frame if it is long enough, and before a sample that was longer than expected.
   */
  nextPart(targetTicks: number, isPicture: boolean): number {
    const firstDts = this.first?.dts ?? 0;
    const { usualTicks } = this.#intervals;
    for (let i = this.#examined; i < this.count; i += 1) {
      const { dts, key } = this.at(i) as Sample;
      const ticks = dts - firstDts;
      if (ticks > targetTicks && i > 1) {
        return i - 1;
      }
      const isFull = ticks + usualTicks > targetTicks;
      if (isFull || (isPicture && key && ticks >= FULL_PART * targetTicks)) {
        return i;
      }
    }
    this.#examined = Math.max(1, this.count);
    return 0;
  }

  /** Mean interval of the middle half of the pending samples; 0: fewer than two. */
  typicalTicks(): number {
    const distances: number[] = [];
    for (let i = 1; i < this.count; i += 1) {
      distances.push((this.at(i) as Sample).dts - (this.at(i - 1) as Sample).dts);
    }
    return typicalOf(distances);
  }
}
