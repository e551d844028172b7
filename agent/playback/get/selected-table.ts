import type { TrackSamples } from '../../media/mp4/table/sample-table.ts';
import type { RunTable } from '../../media/mp4/write/fragment.ts';

/** Together they take at most 1/50 of a frame, however coarse the ticks are. */
const MIN_FRACTION = 50;

/** Samples [from, to) of one run. */
export interface SelectedRun {
  readonly samples: TrackSamples;
  readonly timescale: number;
  readonly from: number;
  readonly to: number;
  /** Decode time of the first sample in the download; negative if it is decode-only. */
  readonly time: number;
  /** Offset of the first sample's bytes in the file, and size of all samples. */
  readonly dataOffset: number;
  readonly sizeBytes: number;
  /** Flags of the whole run (`TrackRuns`), without `FIRST_SYNC` if its first sample is not selected; 0: no sample is selected. */
  readonly flags: number;
}

/** Timing of a track's decode-only samples, those before the start, in ticks. */
export interface DecodeOnlyTiming {
  /** Number of decode-only samples in earlier runs. */
  readonly count: number;
  /** Ticks between two of them. */
  readonly stepTicks: number;
  /** Maximum duration of all of them together. */
  readonly maxTicks: number;
}

/** @param number from 0 */
const decodeOnlyTime = (number: number, { stepTicks, maxTicks }: DecodeOnlyTiming): number =>
  Math.min(number * stepTicks, maxTicks);

/**
 * Decode time of a visible sample: not before the decode-only ones. If these take no time, a sample right after them
 * takes none either, since ffmpeg would warn of a discontinuity.
 * @param count decode-only samples before it
 */
export function visibleTime(time: number, count: number, timing: DecodeOnlyTiming): number {
  const isRightBehind = count > 0 && timing.maxTicks === 0 && time < timing.stepTicks;
  return isRightBehind ? 0 : Math.max(time, decodeOnlyTime(count, timing));
}

const NO_DECODE_ONLY: DecodeOnlyTiming = { count: 0, stepTicks: 0, maxTicks: 0 };

/**
 * A selected run as a table for a new fragment header. Decode-only frames come at once: in order a few ticks apart,
 * since paused Chromium stays at the key frame when times repeat; reordered ones all at 0, kept apart by composition
 * offsets.
 */
export class SelectedTable implements RunTable {
  readonly trackId: number;
  readonly count: number;
  readonly #run: SelectedRun;
  /** Decode times of each sample and of the end: the original ones, negative before the start, and the written ones. */
  readonly #times: Float64Array;
  readonly #written: Float64Array;

  /** @param end decode time of the last sample's end; default: unchanged */
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
   * A frame decoded before the start but shown after it keeps its time. Reordered decode-only frames would share one
   * time, and ffmpeg would then continue by decode times and show the rest too early. So the last ones are some ticks
   * apart, before the first visible one.
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
    // The last decode-only frames keep distinct times, a tick apart.
    const distinct = Math.min(8, Math.floor(duration / MIN_FRACTION));
    const written = shown < 0 ? Math.max(0, distinct + Math.floor(shown / duration)) : Math.max(distinct, shown);
    return written - (this.#written[i] ?? 0);
  }

  isSync(i: number): boolean {
    return this.#run.samples.syncs[this.#run.from + i] === 1;
  }
}
