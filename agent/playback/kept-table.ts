import type { RunTable } from '../media/mp4/fragment.ts';
import type { KeptRun } from './window.ts';

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
    const { run, from, to } = kept;
    this.#kept = kept;
    this.trackId = run.trackId;
    this.count = to - from;
    this.#times = new Float64Array(this.count + 1);
    let time = kept.time;
    for (let i = 0; i <= this.count; i += 1) {
      this.#times[i] = time;
      time += run.durations[from + i] ?? 0;
    }
    if (end !== undefined) {
      this.#times[this.count] = Math.max(end, this.#times[this.count - 1] ?? 0);
    }
  }

  get baseTime(): number {
    return this.#clamped(0);
  }

  sizeOf(i: number): number {
    return this.#kept.run.sizes[this.#kept.from + i] ?? 0;
  }

  durationOf(i: number): number {
    return this.#clamped(i + 1) - this.#clamped(i);
  }

  /** A picture before the start that is shown after it keeps its place. */
  compositionOffsetOf(i: number): number {
    const offset = this.#kept.run.compositionOffsets?.[this.#kept.from + i] ?? 0;
    const time = this.#times[i] ?? 0;
    return time < 0 ? Math.max(0, time + offset) : offset;
  }

  isSync(i: number): boolean {
    return this.#kept.run.isSync(this.#kept.from + i);
  }

  #clamped(i: number): number {
    return Math.max(0, this.#times[i] ?? 0);
  }
}

/** Where the kept samples' bytes are, and how many. */
export function bytesOf(kept: KeptRun): { readonly offset: number; readonly sizeBytes: number } {
  const { run, from, to } = kept;
  let before = 0;
  for (let i = 0; i < from; i += 1) {
    before += run.sizes[i] as number;
  }
  let sizeBytes = 0;
  for (let i = from; i < to; i += 1) {
    sizeBytes += run.sizes[i] as number;
  }
  return { offset: run.dataOffset + before, sizeBytes };
}

/** Decode time at which the last kept sample ends, and at which it begins. */
export function endOf({ run, from, to, time }: KeptRun): { readonly end: number; readonly last: number } {
  let end = time;
  for (let i = from; i < to; i += 1) {
    end += run.durations[i] as number;
  }
  return { end, last: end - (run.durations[to - 1] ?? 0) };
}
