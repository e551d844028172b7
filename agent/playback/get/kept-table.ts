import type { RunTable } from '../../media/mp4/fragment.ts';
import type { TrackSamples } from '../../media/mp4/sample-table.ts';

/** The last pictures before the start keep times of their own: so many, a tick apart. */
const TOLD_APART = 8;
/** Together they take no more than this part of a picture, however coarse the ticks are. */
const LEAST_PART = 50;

/** Samples [from, to) of one run. */
export interface KeptRun {
  readonly samples: TrackSamples;
  readonly from: number;
  readonly to: number;
  /** Decode time of the first in the answer; negative for pictures that are needed before its start. */
  readonly time: number;
  /** Where the first one's bytes are in the file, and how many all have. */
  readonly dataOffset: number;
  readonly sizeBytes: number;
}

/**
 * A kept run as a table for a new fragment header. Times before the start become 0: pictures that are only needed to decode the
 * first visible one have no duration, and the presentation begins exactly at the start.
 */
export class KeptTable implements RunTable {
  readonly trackId: number;
  readonly count: number;
  readonly #kept: KeptRun;
  /** Of each sample and of the end. */
  readonly #times: Float64Array;

  /** @param end decode time at which the last sample is to end; undefined: as it is */
  constructor(kept: KeptRun, end?: number) {
    const { samples, from, to } = kept;
    this.#kept = kept;
    this.trackId = samples.trackId;
    this.count = to - from;
    this.#times = new Float64Array(this.count + 1);
    let time = kept.time;
    for (let i = 0; i <= this.count; i += 1) {
      this.#times[i] = time;
      time += samples.durations[from + i] ?? 0;
    }
    if (end !== undefined) {
      this.#times[this.count] = Math.max(end, this.#times[this.count - 1] ?? 0);
    }
  }

  get baseTime(): number {
    return this.#clamped(0);
  }

  sizeOf(i: number): number {
    return this.#kept.samples.sizes[this.#kept.from + i] ?? 0;
  }

  durationOf(i: number): number {
    return this.#clamped(i + 1) - this.#clamped(i);
  }

  /**
   * A picture before the start that is shown after it keeps its place. Pictures out of order that are not to be seen would all have one
   * time, and ffmpeg would then go by decode times from there on, which shows all that follows too early: the last ones are some
   * ticks apart, and the first that is to be seen comes behind them.
   */
  compositionOffsetOf(i: number): number {
    const { samples, from } = this.#kept;
    const offset = samples.compositionOffsets?.[from + i] ?? 0;
    const time = this.#times[i] ?? 0;
    if (this.#kept.time >= 0 || !samples.compositionOffsets) {
      return time < 0 ? 0 : offset;
    }
    const shown = time + offset;
    const duration = Math.max(1, samples.durations[from + i] ?? 1);
    const apart = Math.min(TOLD_APART, Math.floor(duration / LEAST_PART));
    const told = shown < 0 ? Math.max(0, apart + Math.floor(shown / duration)) : Math.max(apart, shown);
    return told - Math.max(0, time);
  }

  isSync(i: number): boolean {
    return this.#kept.samples.syncs[this.#kept.from + i] === 1;
  }

  #clamped(i: number): number {
    return Math.max(0, this.#times[i] ?? 0);
  }
}
