import type { CardRecording } from './card-recordings.ts';

type Timed = Pick<CardRecording, 'token' | 'name' | 'fromMs' | 'untilMs'>;

/** Files of a camera overlap by seconds; two channels of one source, or two streams of a camera, overlap almost all the time. */
const MAX_OVERLAP = 0.5;
/** A source with more recordings of other names, all without times, has files instead. */
const MAX_STREAMS = 3;

/** Whether recordings of one source are of the same time. @param all oldest first */
export function areParallel(all: readonly Timed[]): boolean {
  return all.some((one, i) => {
    const next = all[i + 1];
    return next !== undefined && isOfSameTime(one, next);
  });
}

/** Nothing is known of times that are not stated. */
function isOfSameTime(one: Timed, next: Timed): boolean {
  const [fromMs, untilMs] = [
    next.fromMs ?? Number.NaN,
    Math.min(one.untilMs ?? Number.NaN, next.untilMs ?? Number.NaN),
  ];
  return untilMs - fromMs > MAX_OVERLAP * Math.min(lengthMs(one), lengthMs(next));
}

const lengthMs = ({ fromMs = Number.NaN, untilMs = Number.NaN }: Timed): number => untilMs - fromMs;

/**
 * The recordings of one source as streams, each of recordings that follow each other: a camera may record main and sub stream. Files of one
 * stream have the same words in their names, or the streams take turns in the list. Without times, other words are another stream.
 * @param all oldest first
 */
export function streamsOf<T extends Timed>(all: readonly T[]): readonly (readonly T[])[] {
  if (!areParallel(all)) {
    const hasTimes = all.some(({ fromMs, untilMs }) => fromMs !== undefined || untilMs !== undefined);
    const byWords = [...Map.groupBy(all, wordsOf).values()];
    return hasTimes || byWords.length > MAX_STREAMS ? [all] : byWords;
  }
  /** Longest without a new one first. */
  let streams: { readonly recordings: T[]; readonly last: T }[] = [];
  for (const one of all) {
    const free = streams.filter(({ last }) => !isOfSameTime(last, one));
    const found = free.find(({ last }) => wordsOf(last) === wordsOf(one)) ?? free[0];
    const recordings = found?.recordings ?? [];
    recordings.push(one);
    streams = [...streams.filter((other) => other !== found), { recordings, last: one }];
  }
  return streams.map(({ recordings }) => recordings);
}

const wordsOf = ({ name = '', token }: Timed): string => `${name} ${token}`.replaceAll(/\d+/g, '');
