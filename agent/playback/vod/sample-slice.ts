import { endOfRun, offsetOf, timeOf } from '../../media/mp4/table/sample-search.ts';
import type { TrackSamples } from '../../media/mp4/table/sample-table.ts';
import type { RunFacts, RunTable } from '../../media/mp4/write/fragment.ts';

/** Consecutive samples of a track as a run of a new fragment. */
export class SampleSlice implements RunTable {
  readonly trackId: number;
  readonly baseTime: number;
  readonly count: number;
  readonly #track: TrackSamples;
  readonly #from: number;
  readonly #firstRun: number;
  readonly #sizes: Uint32Array;
  readonly #durations: Uint32Array;
  readonly #offsets: Int32Array | undefined;
  readonly #syncs: Uint8Array;
  /** Last samples of the file's runs within the slice, which last until the next run begins. Sample to duration. */
  readonly #seams: ReadonlyMap<number, number> | undefined;

  /**
   * @param run contains `from`
   * @param shiftTicks added to the file's times
   */
  constructor(track: TrackSamples, run: number, from: number, to: number, shiftTicks: number) {
    this.trackId = track.trackId;
    this.count = to - from;
    this.#track = track;
    this.#from = from;
    this.#sizes = track.sizes;
    this.#durations = track.durations;
    this.#offsets = track.compositionOffsets;
    this.#syncs = track.syncs;
    this.#firstRun = run;
    let time = (track.runs.baseTimes[run] as number) + shiftTicks;
    for (let i = track.runs.firstSamples[run] as number; i < from; i += 1) {
      time += track.durations[i] as number;
    }
    this.baseTime = Math.max(0, time);
    this.#seams = endOfRun(track, run) < to ? seamsOf(track, run, to) : undefined;
  }

  sizeOf(i: number): number {
    return this.#sizes[this.#from + i] as number;
  }

  durationOf(i: number): number {
    const sample = this.#from + i;
    return this.#seams?.get(sample) ?? (this.#durations[sample] as number);
  }

  compositionOffsetOf(i: number): number {
    return this.#offsets === undefined ? 0 : (this.#offsets[this.#from + i] as number);
  }

  isSync(i: number): boolean {
    return this.#syncs[this.#from + i] === 1;
  }

  facts(): RunFacts {
    const [sizes, durations, offsets, syncs] = [this.#sizes, this.#durations, this.#offsets, this.#syncs];
    const to = this.#from + this.count;
    const firstDuration = this.durationOf(0);
    let [dataBytes, isSteady, isAllSync, hasOffsets] = [0, true, true, false];
    for (let i = this.#from; i < to; i += 1) {
      dataBytes += sizes[i] as number;
      isSteady &&= durations[i] === firstDuration;
      isAllSync &&= syncs[i] === 1;
      hasOffsets ||= offsets !== undefined && offsets[i] !== 0;
    }
    for (const duration of this.#seams?.values() ?? []) {
      isSteady &&= duration === firstDuration;
    }
    return { dataBytes, isSteady, isAllSync, hasOffsets };
  }

  /** Calls back with the file ranges of the samples' bytes, in order. */
  forEachRange(take: (offset: number, sizeBytes: number) => void): void {
    const sizes = this.#sizes;
    const to = this.#from + this.count;
    for (let run = this.#firstRun, at = this.#from; at < to; run += 1) {
      const end = Math.min(to, endOfRun(this.#track, run));
      const offset = offsetOf(this.#track, at);
      let sizeBytes = 0;
      for (; at < end; at += 1) {
        sizeBytes += sizes[at] as number;
      }
      take(offset, sizeBytes);
    }
  }
}

function seamsOf(track: TrackSamples, firstRun: number, to: number): Map<number, number> {
  const seams = new Map<number, number>();
  for (let run = firstRun; endOfRun(track, run) < to; run += 1) {
    const last = endOfRun(track, run) - 1;
    seams.set(last, Math.max(0, (track.runs.baseTimes[run + 1] as number) - timeOf(track, last)));
  }
  return seams;
}
