import type { TrackRun } from '../../../media/mp4/write/fragment.ts';
import { TrackRunBuffer } from '../../../media/mp4/write/track-run.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import type { Track } from '../../../media/sample/track.ts';
import { FULL_PART } from './part-target.ts';
import { PictureIntervals, type SteadyInterval, typicalOf } from './picture-intervals.ts';

/** Added to all times, so that the decode times of a stream with B-frames are never negative. */
const TIME_OFFSET_S = 10;

/** Samples of one track that do not lie in a part yet. */
export class PendingSamples extends TrackRunBuffer {
  readonly #intervals: PictureIntervals;
  /** Before it no part ends. */
  #examined = 1;

  constructor(track: Track) {
    super(0, track);
    this.describe(track);
    // Pictures may become fewer for good.
    this.#intervals = new PictureIntervals(track.kind === 'video');
  }

  /** The track of the next samples. */
  describe(track: Track): void {
    this.track = track;
    this.originDts = -TIME_OFFSET_S * track.clockRate;
  }

  /** Of the last ones, those in parts included; undefined: there are too few, or the rate is changing. */
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

  /** How many lie before `pts`. */
  countBefore(pts: number): number {
    let { count } = this;
    while (count > 0 && (this.at(count - 1) as Sample).pts >= pts) {
      count -= 1;
    }
    return count;
  }

  /**
   * How many samples make the next part; 0: more have to come first. A part ends where one sample more would make it longer than the
   * target, and before a key picture if it is long enough; where a sample was longer than expected, before that one.
   * @param isPicture key samples are rare and begin parts
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

  /** How far those that are pending are apart, by the middle half of them. 0: there are not two. */
  typicalTicks(): number {
    const distances: number[] = [];
    for (let i = 1; i < this.count; i += 1) {
      distances.push((this.at(i) as Sample).dts - (this.at(i - 1) as Sample).dts);
    }
    return typicalOf(distances);
  }
}
