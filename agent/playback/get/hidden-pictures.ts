import { type HiddenPace, type KeptRun, visibleTime } from './kept-table.ts';

/** ffmpeg warns where two pictures are a thousand times as far apart as those before them; pictures may come at a pace that wavers. */
const STEPS_PER_PICTURE = 800;

/** Counts the pictures of an answer that are there for the decoder only, of each track over all fragments: they come before all others. */
export class HiddenPictures {
  readonly #paces = new Map<number, HiddenPace>();

  /** Counts those of a run, in the order of the answer. @returns how it was before */
  add(run: KeptRun): HiddenPace {
    const { samples, from, to } = run;
    const before = this.#paceOf(run);
    let { count } = before;
    let { time } = run;
    for (let i = from; i < to && time < 0; i += 1) {
      count += 1;
      time += samples.durations[i] as number;
    }
    if (count > 0) {
      this.#paces.set(samples.trackId, { ...before, count });
    }
    return before;
  }

  /** Decode time in the answer of a sample that is to be seen. */
  visibleTimeOf(run: KeptRun, time: number): number {
    const pace = this.#paces.get(run.samples.trackId);
    return pace ? visibleTime(time, pace.count, pace) : Math.max(time, 0);
  }

  #paceOf(run: KeptRun): HiddenPace {
    return this.#paces.get(run.samples.trackId) ?? paceFrom(run);
  }
}

/**
 * Together they take half a picture at most. Out of order they take nothing: composition offsets keep them apart, and the longest
 * picture says how close behind them one may be.
 */
function paceFrom({ samples, from, to }: KeptRun): HiddenPace {
  const duration = samples.durations[from] as number;
  if (!samples.compositionOffsets) {
    return { count: 0, stepTicks: stepOf(duration), mostTicks: Math.floor(duration / 2) };
  }
  let longest = duration;
  for (let i = from + 1; i < to; i += 1) {
    longest = Math.max(longest, samples.durations[i] as number);
  }
  return { count: 0, stepTicks: stepOf(longest), mostTicks: 0 };
}

const stepOf = (durationTicks: number): number => Math.floor(durationTicks / STEPS_PER_PICTURE) + 1;
