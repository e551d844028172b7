import type { TrackSamples } from './sample-table.ts';

/** Index of the first of `count` ascending values not below `value`; `count` if all are below. */
export function firstAtLeast(values: ArrayLike<number>, count: number, value: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** Index of the last of `count` ascending integers that is at most `value`; 0 if all are larger. */
export const lastUpTo = (values: ArrayLike<number>, count: number, value: number): number =>
  Math.max(0, firstAtLeast(values, count, value + 1) - 1);

/** The run of a sample. */
export const runOf = ({ runs }: TrackSamples, sample: number): number =>
  lastUpTo(runs.firstSamples, runs.count, sample);

/** One past the last sample of a run. */
export const endOfRun = ({ runs, count }: TrackSamples, run: number): number =>
  run + 1 < runs.count ? (runs.firstSamples[run + 1] as number) : count;

/** Decode time of a sample on the file's scale; for the one after the last, its end. */
export function timeOf(samples: TrackSamples, sample: number): number {
  if (samples.count === 0) {
    return 0;
  }
  const run = runOf(samples, Math.min(sample, samples.count - 1));
  let time = samples.runs.baseTimes[run] as number;
  for (let i = samples.runs.firstSamples[run] as number; i < sample; i += 1) {
    time += samples.durations[i] as number;
  }
  return time;
}

/** File offset of a sample's bytes. */
export function offsetOf(samples: TrackSamples, sample: number): number {
  const run = runOf(samples, sample);
  let place = samples.runs.dataOffsets[run] as number;
  for (let i = samples.runs.firstSamples[run] as number; i < sample; i += 1) {
    place += samples.sizes[i] as number;
  }
  return place;
}

/** Presentation time of a sample on the file's scale. */
export const shownAt = (samples: TrackSamples, sample: number): number =>
  timeOf(samples, sample) + (samples.compositionOffsets?.[sample] ?? 0);

/** The first sample that begins at or after a time; `count` if none does. */
export function firstFrom(samples: TrackSamples, time: number): number {
  const { runs } = samples;
  const run = firstAtLeast(runs.baseTimes, runs.count, time) - 1;
  if (run < 0) {
    return 0;
  }
  const end = endOfRun(samples, run);
  let at = runs.baseTimes[run] as number;
  for (let i = runs.firstSamples[run] as number; i < end; i += 1) {
    if (at >= time) {
      return i;
    }
    at += samples.durations[i] as number;
  }
  return end;
}

/** The last sync sample at or before this one. */
export function syncUpTo(samples: TrackSamples, sample: number): number | undefined {
  for (let i = Math.min(sample, samples.count - 1); i >= 0; i -= 1) {
    if (samples.syncs[i] === 1) {
      return i;
    }
  }
  return undefined;
}
