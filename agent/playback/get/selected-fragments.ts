import { endOfRun, runOf } from '../../media/mp4/table/sample-search.ts';
import { FIRST_SYNC, SAME_DURATION } from '../../media/mp4/table/sample-table-writer.ts';
import type { FileCut, TrackCut } from '../read/cut.ts';
import type { SelectedRun } from './selected-table.ts';

export interface SelectedFragment {
  /** Index in the file, from 0. */
  readonly number: number;
  /** In byte order; at least one. */
  readonly runs: readonly SelectedRun[];
  /** Fully selected, without decode-only samples: only times change. */
  readonly isWhole: boolean;
}

export function* selectedFragments(cut: FileCut): Generator<SelectedFragment, void> {
  const cursors = cut.tracks.filter(({ from, to }) => to > from).map((track) => new RunCursor(track));
  const { fragmentBytes, headerBytes } = cut.tabled.table;
  for (;;) {
    let number = Number.POSITIVE_INFINITY;
    for (const cursor of cursors) {
      number = Math.min(number, cursor.fragment);
    }
    if (number === Number.POSITIVE_INFINITY) {
      return;
    }
    const runs: SelectedRun[] = [];
    let sizeBytes = 0;
    let isEarly = false;
    for (const cursor of cursors) {
      while (cursor.fragment === number) {
        const run = cursor.next();
        runs.push(run);
        sizeBytes += run.sizeBytes;
        isEarly ||= run.time < 0;
      }
    }
    runs.sort((one, other) => one.dataOffset - other.dataOffset);
    const dataBytes = (fragmentBytes[number] as number) - (headerBytes[number] as number);
    yield { number, runs, isWhole: !isEarly && sizeBytes === dataBytes };
  }
}

class RunCursor {
  readonly #track: TrackCut;
  #run: number;

  constructor(track: TrackCut) {
    this.#track = track;
    this.#run = runOf(track.samples, track.from);
  }

  /** Index of the fragment that has the next run; infinite at the end. */
  get fragment(): number {
    const { samples, to } = this.#track;
    const isIn = this.#run < samples.runs.count && (samples.runs.firstSamples[this.#run] as number) < to;
    return isIn ? (samples.runs.fragments[this.#run] as number) : Number.POSITIVE_INFINITY;
  }

  next(): SelectedRun {
    const { track, samples, shiftTicks, from: trackFrom, to: trackTo } = this.#track;
    const { runs } = samples;
    const first = runs.firstSamples[this.#run] as number;
    const end = endOfRun(samples, this.#run);
    const from = Math.max(first, trackFrom);
    const to = Math.min(end, trackTo);
    let time = (runs.baseTimes[this.#run] as number) + shiftTicks;
    let dataOffset = runs.dataOffsets[this.#run] as number;
    let sizeBytes = runs.dataBytes[this.#run] as number;
    let flags = runs.flags[this.#run] as number;
    for (let i = first; i < from; i += 1) {
      time += samples.durations[i] as number;
      dataOffset += samples.sizes[i] as number;
      sizeBytes -= samples.sizes[i] as number;
      flags &= ~FIRST_SYNC;
    }
    for (let i = to; i < end; i += 1) {
      sizeBytes -= samples.sizes[i] as number;
    }
    this.#run += 1;
    return { samples, timescale: track.timescale, from, to, time, dataOffset, sizeBytes, flags: to > from ? flags : 0 };
  }
}

/** Decode times of a run's last sample and end. */
export function endOf({ samples, from, to, time, flags }: SelectedRun): {
  readonly last: number;
  readonly end: number;
} {
  if (flags & SAME_DURATION) {
    const duration = samples.durations[from] as number;
    const last = time + (to - from - 1) * duration;
    return { last, end: last + duration };
  }
  let end = time;
  for (let i = from; i < to; i += 1) {
    end += samples.durations[i] as number;
  }
  return { end, last: end - (samples.durations[to - 1] ?? 0) };
}
