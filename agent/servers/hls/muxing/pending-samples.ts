import type { Sample } from '../../../media/sample/sample.ts';
import { hold, release } from '../../../media/sample/slab.ts';
import { FULL_PART } from './part-target.ts';
import { PictureIntervals, type SteadyInterval, typicalOf } from './picture-intervals.ts';

/** Samples of one track that do not lie in a part yet, oldest first; each is held. */
export class PendingSamples {
  #samples: Sample[] = [];
  #bytes = 0;
  readonly #intervals: PictureIntervals;
  /** Before it no part ends. */
  #examined = 1;

  /** @param isPicture pictures may become fewer for good */
  constructor(isPicture: boolean) {
    this.#intervals = new PictureIntervals(isPicture);
  }

  get count(): number {
    return this.#samples.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get first(): Sample | undefined {
    return this.#samples[0];
  }

  get last(): Sample | undefined {
    return this.#samples.at(-1);
  }

  /** How long a sample usually is; 0: unknown. */
  get intervalTicks(): number {
    return this.#intervals.usualTicks;
  }

  /** Of the last ones, those in parts included; undefined: there are too few, or the rate is changing. */
  steadyInterval(): SteadyInterval | undefined {
    return this.#intervals.steady();
  }

  at(index: number): Sample | undefined {
    return this.#samples[index];
  }

  /** False: it does not come after the one before it, and nothing was added. */
  add(sample: Sample): boolean {
    if (!this.#intervals.add(sample.dts)) {
      return false;
    }
    hold(sample.data);
    this.#samples.push(sample);
    this.#bytes += sample.data.length;
    return true;
  }

  /** How many lie before `pts`. */
  countBefore(pts: number): number {
    const samples = this.#samples;
    let count = samples.length;
    while (count > 0 && (samples[count - 1] as Sample).pts >= pts) {
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
    const samples = this.#samples;
    const firstDts = samples[0]?.dts ?? 0;
    const { usualTicks } = this.#intervals;
    for (let i = this.#examined; i < samples.length; i += 1) {
      const { dts, key } = samples[i] as Sample;
      const ticks = dts - firstDts;
      if (ticks > targetTicks && i > 1) {
        return i - 1;
      }
      const isFull = ticks + usualTicks > targetTicks;
      if (isFull || (isPicture && key && ticks >= FULL_PART * targetTicks)) {
        return i;
      }
    }
    this.#examined = Math.max(1, samples.length);
    return 0;
  }

  /** Takes out the first ones; their holds go over to the caller. */
  take(count: number): Sample[] {
    const taken = this.#samples.splice(0, count);
    for (let i = 0; i < taken.length; i += 1) {
      this.#bytes -= (taken[i] as Sample).data.length;
    }
    this.#examined = 1;
    return taken;
  }

  /** Lets go of the first ones. */
  drop(count: number): void {
    for (const { data } of this.take(count)) {
      release(data);
    }
  }

  /** How far those that are pending are apart, by the middle half of them. 0: there are not two. */
  typicalTicks(): number {
    const samples = this.#samples;
    const distances: number[] = [];
    for (let i = 1; i < samples.length; i += 1) {
      distances.push((samples[i] as Sample).dts - (samples[i - 1] as Sample).dts);
    }
    return typicalOf(distances);
  }
}
