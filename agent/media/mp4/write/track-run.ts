import { opusFrameTicks } from '../../opus/params.ts';
import type { Sample } from '../../sample/sample.ts';
import { hold, release } from '../../sample/slab.ts';
import type { Track } from '../../sample/track.ts';
import type { TrackRun } from './fragment.ts';

/** Queue of the samples of one track for track runs, oldest first. It owns one hold on each (`sample/slab.ts`). */
export class TrackRunBuffer {
  /** `TrackRun.track` of its runs. */
  readonly number: number;
  track: Track;
  /** Decode time at `TrackRun.baseTime` 0. */
  originDts = 0;
  /** Ticks between the last two samples; 0: fewer than two. */
  protected intervalTicks = 0;
  #samples: Sample[] = [];
  #bytes = 0;
  #lastDts = Number.NEGATIVE_INFINITY;

  constructor(number: number, track: Track) {
    this.number = number;
    this.track = track;
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
    return this.#samples[this.#samples.length - 1];
  }

  at(index: number): Sample | undefined {
    return this.#samples[index];
  }

  /** Takes a hold on the sample. False: its decode time does not increase, so it is not added. */
  append(sample: Sample): boolean {
    const ticks = sample.dts - this.#lastDts;
    if (ticks <= 0) {
      return false;
    }
    if (ticks !== Number.POSITIVE_INFINITY) {
      this.intervalTicks = ticks;
    }
    this.#lastDts = sample.dts;
    hold(sample.data);
    this.#samples.push(sample);
    this.#bytes += sample.data.length;
    return true;
  }

  /** Estimated duration of the last sample: that of its frame if known, else `intervalTicks`. 0: unknown. */
  get usualTicks(): number {
    const { track, last } = this;
    if ('frameSamples' in track) {
      return track.frameSamples;
    }
    const frameTicks = track.codec === 'opus' && last ? opusFrameTicks(last.data) : 0;
    return frameTicks || this.intervalTicks;
  }

  /** End of the first `count` samples: the decode time of the next one or, after the last one, an estimate with `usualTicks`. */
  endDtsOf(count: number): number {
    const next = this.#samples[count];
    return next ? next.dts : this.#lastDts + Math.max(1, this.usualTicks);
  }

  /** Removes the first `count` samples, at least one; the caller owns their holds. */
  take(count: number, endDts = this.endDtsOf(count)): TrackRun {
    const samples = this.#takeOut(count);
    return {
      track: this.number,
      baseTime: (samples[0] as Sample).dts - this.originDts,
      samples,
      endDts,
    };
  }

  /** Removes and releases the first `count` samples. */
  drop(count: number): void {
    const dropped = this.#takeOut(count);
    for (let i = 0; i < dropped.length; i += 1) {
      release((dropped[i] as Sample).data);
    }
  }

  /** Drops all samples. The next one may have any decode time. */
  clear(): void {
    this.drop(this.#samples.length);
    this.#lastDts = Number.NEGATIVE_INFINITY;
  }

  #takeOut(count: number): Sample[] {
    const samples = this.#samples;
    if (count >= samples.length) {
      this.#samples = [];
      this.#bytes = 0;
      return samples;
    }
    const taken = samples.splice(0, count);
    for (let i = 0; i < taken.length; i += 1) {
      this.#bytes -= (taken[i] as Sample).data.length;
    }
    return taken;
  }
}
