import { type DecodeOnlyTiming, type SelectedRun, visibleTime } from './selected-table.ts';

/** ffmpeg warns when two frames are a thousand times as far apart as the previous ones; frame intervals vary. */
const STEPS_PER_PICTURE = 800;

/** Counts the decode-only samples of each track over all fragments; they precede all others. */
export class DecodeOnlySamples {
  readonly #timings = new Map<number, DecodeOnlyTiming>();

  /** Counts the decode-only samples of a run. Called in the order of the download. @returns the timing before this run */
  add(run: SelectedRun): DecodeOnlyTiming {
    const { samples, from, to } = run;
    const before = this.#timingOf(run);
    let { count } = before;
    let { time } = run;
    for (let i = from; i < to && time < 0; i += 1) {
      count += 1;
      time += samples.durations[i] as number;
    }
    if (count > 0) {
      this.#timings.set(samples.trackId, { ...before, count });
    }
    return before;
  }

  /** Decode time of a visible sample in the download. */
  visibleTimeOf(run: SelectedRun, time: number): number {
    const timing = this.#timings.get(run.samples.trackId);
    return timing ? visibleTime(time, timing.count, timing) : Math.max(time, 0);
  }

  #timingOf(run: SelectedRun): DecodeOnlyTiming {
    return this.#timings.get(run.samples.trackId) ?? timingFrom(run);
  }
}

/** Decode-only samples together last at most half a frame. Reordered ones last no time: composition offsets keep them apart. */
function timingFrom({ samples, from, to }: SelectedRun): DecodeOnlyTiming {
  const duration = samples.durations[from] as number;
  if (!samples.compositionOffsets) {
    return { count: 0, stepTicks: stepOf(duration), maxTicks: Math.floor(duration / 2) };
  }
  let longest = duration;
  for (let i = from + 1; i < to; i += 1) {
    longest = Math.max(longest, samples.durations[i] as number);
  }
  return { count: 0, stepTicks: stepOf(longest), maxTicks: 0 };
}

const stepOf = (durationTicks: number): number => Math.floor(durationTicks / STEPS_PER_PICTURE) + 1;
