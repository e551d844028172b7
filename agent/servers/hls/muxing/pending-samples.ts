import type { Sample } from '../../../media/sample.ts';
import { hold, release } from '../../../media/slab.ts';
import { FULL_PART } from './part-target.ts';

/** A pause does not change how long samples are taken to be. */
const LONGEST_USUAL = 4;

/** Samples of one track that do not lie in a part yet, oldest first; each is held. */
export class PendingSamples {
  #samples: Sample[] = [];
  #bytes = 0;
  /** How far samples are apart, smoothed; 0: there have not been two. */
  #intervalTicks = 0;
  #lastDts = Number.NEGATIVE_INFINITY;
  /** Before it no part ends. */
  #examined = 1;

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
    return this.#intervalTicks;
  }

  at(index: number): Sample | undefined {
    return this.#samples[index];
  }

  /** False: it does not come after the one before it, and nothing was added. */
  add(sample: Sample): boolean {
    const interval = sample.dts - this.#lastDts;
    if (interval <= 0) {
      return false;
    }
    if (this.#intervalTicks === 0) {
      this.#intervalTicks = Number.isFinite(interval) ? interval : 0;
    } else if (interval < LONGEST_USUAL * this.#intervalTicks) {
      this.#intervalTicks += (interval - this.#intervalTicks) / 8;
    }
    this.#lastDts = sample.dts;
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
    for (let i = this.#examined; i < samples.length; i += 1) {
      const { dts, key } = samples[i] as Sample;
      const ticks = dts - firstDts;
      if (ticks > targetTicks && i > 1) {
        return i - 1;
      }
      const isFull = ticks + this.#intervalTicks > targetTicks;
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

  /** How far samples are apart, by the middle half of them: whatever halted or hurried is left out. 0: there are not two. */
  typicalTicks(): number {
    const samples = this.#samples;
    const distances: number[] = [];
    for (let i = 1; i < samples.length; i += 1) {
      distances.push((samples[i] as Sample).dts - (samples[i - 1] as Sample).dts);
    }
    const aside = distances.length >> 2;
    const middle = distances.sort((a, b) => a - b).slice(aside, distances.length - aside);
    return middle.length > 0 ? middle.reduce((sum, ticks) => sum + ticks, 0) / middle.length : 0;
  }
}
