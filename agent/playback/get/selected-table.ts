import type { TrackSamples } from '../../media/mp4/table/sample-table.ts';
import type { RunTable } from '../../media/mp4/write/fragment.ts';

/** The last pictures before the start keep times of their own: so many, a tick apart. */
const MAX_DISTINCT_TIMES = 8;
/** Together they take no more than this part of a picture, however coarse the ticks are. */
const MIN_FRACTION = 50;

/** Samples [from, to) of one run. */
export interface SelectedRun {
  readonly samples: TrackSamples;
  readonly from: number;
  readonly to: number;
  /** Decode time of the first in the answer; negative for pictures that are needed before its start. */
  readonly time: number;
  /** Where the first one's bytes are in the file, and how many all have. */
  readonly dataOffset: number;
  readonly sizeBytes: number;
}

/** How the hidden samples of a track, those before the start, follow one another in the answer. Ticks of the track. */
export interface DecodeOnlyTiming {
  /** So many have come already. */
  readonly count: number;
  /** From one to the next. */
  readonly stepTicks: number;
  /** The most that all of them take. */
  readonly maxTicks: number;
}

/** Decode time of the hidden sample with a number, from 0. */
const decodeOnlyTime = (number: number, { stepTicks, maxTicks }: DecodeOnlyTiming): number =>
  Math.min(number * stepTicks, maxTicks);

/**
 * Decode time of a visible sample: not before that of a hidden one in its place. Where these take no time, one right behind them
 * takes none either, for ffmpeg would warn of a discontinuity a thousand times as far behind it.
 * @param count of the hidden ones before it
 */
export function visibleTime(time: number, count: number, timing: DecodeOnlyTiming): number {
  const isRightBehind = count > 0 && timing.maxTicks === 0 && time < timing.stepTicks;
  return isRightBehind ? 0 : Math.max(time, decodeOnlyTime(count, timing));
}

const NO_DECODE_ONLY: DecodeOnlyTiming = { count: 0, stepTicks: 0, maxTicks: 0 };

/**
 * A kept run as a table for a new fragment header. Pictures that are only needed to decode the first visible one come at once: in
 * their own order some ticks apart, for Chromium, paused, stays at the key frame when there are any with one time; out of order,
 * where composition offsets tell them apart, all at 0.
 */
export class SelectedTable implements RunTable {
  readonly trackId: number;
  readonly count: number;
  readonly #run: SelectedRun;
  /** Of each sample and of the end: as they are, negative before the start, and as the fragment has them. */
  readonly #times: Float64Array;
  readonly #written: Float64Array;

  /** @param end decode time at which the last sample is to end; undefined: as it is */
  constructor(selected: SelectedRun, timing = NO_DECODE_ONLY, end?: number) {
    const { samples, from, to } = selected;
    this.#run = selected;
    this.trackId = samples.trackId;
    this.count = to - from;
    this.#times = new Float64Array(this.count + 1);
    this.#written = new Float64Array(this.count + 1);
    let time = selected.time;
    let { count } = timing;
    for (let i = 0; i <= this.count; i += 1) {
      this.#times[i] = time;
      this.#written[i] = time < 0 ? decodeOnlyTime(count, timing) : visibleTime(time, count, timing);
      count += time < 0 ? 1 : 0;
      time += samples.durations[from + i] ?? 0;
    }
    if (end !== undefined) {
      this.#written[this.count] = Math.max(end, this.#written[this.count - 1] ?? 0);
    }
  }

  get baseTime(): number {
    return this.#written[0] ?? 0;
  }

  sizeOf(i: number): number {
    return this.#run.samples.sizes[this.#run.from + i] ?? 0;
  }

  durationOf(i: number): number {
    return (this.#written[i + 1] ?? 0) - (this.#written[i] ?? 0);
  }

  /**
   * A picture before the start that is shown after it keeps its place. Pictures out of order that are not to be seen would all have one
   * time, and ffmpeg would then go by decode times from there on, which shows all that follows too early: the last ones are some
   * ticks apart, and the first that is to be seen comes behind them.
   */
  compositionOffsetOf(i: number): number {
    const { samples, from } = this.#run;
    const offset = samples.compositionOffsets?.[from + i] ?? 0;
    const time = this.#times[i] ?? 0;
    if (this.#run.time >= 0 || !samples.compositionOffsets) {
      return time < 0 ? 0 : offset;
    }
    const shown = time + offset;
    const duration = Math.max(1, samples.durations[from + i] ?? 1);
    const distinct = Math.min(MAX_DISTINCT_TIMES, Math.floor(duration / MIN_FRACTION));
    const written = shown < 0 ? Math.max(0, distinct + Math.floor(shown / duration)) : Math.max(distinct, shown);
    return written - (this.#written[i] ?? 0);
  }

  isSync(i: number): boolean {
    return this.#run.samples.syncs[this.#run.from + i] === 1;
  }
}
