import type { FragmentRun } from '../media/mp4/read-runs.ts';
import type { PlacedFragment } from '../record/fragment-walk.ts';

/** Times as the request counts them: 0 is its start. */
export interface TimeWindow {
  readonly endSeconds: number;
}

/** The samples [from, to) of a run. `time`: decode time of sample `from` in ticks; negative for pictures needed before the start. */
export interface KeptRun {
  readonly run: FragmentRun;
  readonly from: number;
  readonly to: number;
  readonly time: number;
}

/** A fragment with what of it belongs into the answer. */
export interface KeptFragment {
  readonly file: string;
  readonly offset: number;
  readonly fragment: PlacedFragment['fragment'];
  /** The `moof`'s own bytes. */
  readonly moof: Uint8Array;
  readonly runs: readonly KeptRun[];
  /** All of its samples, none of them before the start: only times need changing. */
  readonly isWhole: boolean;
}

export interface FragmentSink {
  add(kept: KeptFragment): void;
}

export interface FileTiming {
  readonly file: string;
  readonly timescales: ReadonlyMap<number, number>;
  /** Where the file's time zero lies in the request's time. */
  readonly shiftSeconds: number;
}

/**
 * Picks the samples of one file that belong into a time window. Of each track it keeps what begins at or after the start, and,
 * when that is not a sync sample, what is needed to decode it: everything from the last sync sample before the start.
 */
export class WindowCut {
  readonly #timing: FileTiming;
  readonly #endSeconds: number;
  readonly #sink: FragmentSink;
  /** Fragments with samples before the start, until the first without; not further back than any track needs for decoding. */
  #head: PlacedFragment[] = [];
  #isPastHead = false;

  constructor(timing: FileTiming, window: TimeWindow, sink: FragmentSink) {
    this.#timing = timing;
    this.#endSeconds = window.endSeconds;
    this.#sink = sink;
  }

  /** @returns false when everything from here on lies behind the end */
  add(placed: PlacedFragment): boolean {
    const runs = placed.fragment.runs;
    if (!this.#isPastHead) {
      if (runs.some((run) => this.#timeOf(run) < 0)) {
        if (this.#startsAll(runs)) {
          this.#head = [];
        }
        this.#head.push({ ...placed, moof: placed.moof.slice() });
        return true;
      }
      this.#endHead(runs);
    }
    if (runs.length > 0 && runs.every((run) => this.#timeOf(run) >= this.#endTicks(run.trackId))) {
      return false;
    }
    this.#emit(placed, () => 0);
    return true;
  }

  finish(): void {
    if (!this.#isPastHead) {
      this.#endHead([]);
    }
  }

  /** Every track has a sync sample before the start here: whatever came earlier is not needed. */
  #startsAll(runs: readonly FragmentRun[]): boolean {
    return [...this.#timing.timescales.keys()].every((trackId) =>
      runs.some((run) => {
        let time = this.#timeOf(run);
        for (let i = 0; run.trackId === trackId && i < run.count && time < 0; i += 1) {
          if (run.isSync(i)) {
            return true;
          }
          time += run.durations[i] as number;
        }
        return false;
      }),
    );
  }

  #endHead(following: readonly FragmentRun[]): void {
    this.#isPastHead = true;
    const head = this.#head;
    this.#head = [];
    const starts = new Map<number, SamplePlace>();
    for (const trackId of this.#timing.timescales.keys()) {
      starts.set(trackId, this.#startIn(head, trackId, following));
    }
    head.forEach((placed, i) => {
      this.#emit(placed, (run, k) => {
        const start = starts.get(run.trackId);
        if (!start || start.fragment > i || (start.fragment === i && start.run > k)) {
          return run.count;
        }
        return start.fragment === i && start.run === k ? start.sample : 0;
      });
    });
  }

  /** The first sample of a track that is kept of the head; one behind its end when none is. */
  #startIn(head: readonly PlacedFragment[], trackId: number, following: readonly FragmentRun[]): SamplePlace {
    const none = { fragment: head.length, run: 0, sample: 0 };
    let lastSync: SamplePlace | undefined;
    for (let fragment = 0; fragment < head.length; fragment += 1) {
      const runs = head[fragment]?.fragment.runs ?? [];
      for (let k = 0; k < runs.length; k += 1) {
        const run = runs[k] as FragmentRun;
        let time = this.#timeOf(run);
        for (let sample = 0; run.trackId === trackId && sample < run.count; sample += 1) {
          const place = { fragment, run: k, sample };
          if (time >= 0) {
            return run.isSync(sample) ? place : (lastSync ?? place);
          }
          lastSync = run.isSync(sample) ? place : lastSync;
          time += run.durations[sample] as number;
        }
      }
    }
    const next = following.find((run) => run.trackId === trackId);
    return !next || next.isSync(0) ? none : (lastSync ?? none);
  }

  #emit(placed: PlacedFragment, firstOf: (run: FragmentRun, k: number) => number): void {
    const { fragment, offset, moof } = placed;
    const kept: KeptRun[] = [];
    let isWhole = true;
    fragment.runs.forEach((run, k) => {
      if (!this.#timing.timescales.has(run.trackId)) {
        isWhole = false;
        return;
      }
      const from = firstOf(run, k);
      const start = this.#timeOf(run);
      let time = start;
      for (let i = 0; i < from; i += 1) {
        time += run.durations[i] as number;
      }
      const to = this.#countUpTo(run, from, time);
      isWhole &&= from === 0 && to === run.count && start >= 0;
      if (to > from) {
        kept.push({ run, from, to, time });
      }
    });
    if (kept.length > 0) {
      // The sink holds it back until the next one is there, by when the walk has written over it.
      this.#sink.add({ file: this.#timing.file, offset, fragment, moof: moof.slice(), runs: kept, isWhole });
    }
  }

  /** Samples that begin at or behind the end are left out. */
  #countUpTo(run: FragmentRun, from: number, timeOfFrom: number): number {
    const end = this.#endTicks(run.trackId);
    if (this.#timeOf(run) + run.durationTicks <= end) {
      return run.count;
    }
    let time = timeOfFrom;
    for (let i = from; i < run.count; i += 1) {
      if (time >= end) {
        return i;
      }
      time += run.durations[i] as number;
    }
    return run.count;
  }

  #timeOf(run: FragmentRun): number {
    return run.baseTime + Math.round(this.#timing.shiftSeconds * (this.#timing.timescales.get(run.trackId) ?? 1));
  }

  #endTicks(trackId: number): number {
    return Math.round(this.#endSeconds * (this.#timing.timescales.get(trackId) ?? 1));
  }
}

interface SamplePlace {
  readonly fragment: number;
  readonly run: number;
  readonly sample: number;
}
