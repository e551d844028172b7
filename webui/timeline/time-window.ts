import type { Span } from '../api-client/recordings.ts';

/** What of time the timeline shows, Unix milliseconds. */
export interface TimeWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

const MIN_MS = 1_000;
export const MAX_MS = 31 * 86_400_000;

/** As long as it may be, around the same share of the window. */
export function timeWindow(lengthMs: number, aroundMs: number, share: number): TimeWindow {
  const length = Math.min(MAX_MS, Math.max(MIN_MS, lengthMs));
  const fromMs = aroundMs - share * length;
  return { fromMs, toMs: fromMs + length };
}

/** `factor` above 1 shows more detail; the moment `aroundMs` stays where it is. */
export function zoomed({ fromMs, toMs }: TimeWindow, factor: number, aroundMs: number): TimeWindow {
  const length = toMs - fromMs;
  return timeWindow(length / factor, aroundMs, (aroundMs - fromMs) / length);
}

/** The window around the moment when it has left it. */
export function shiftedTo({ fromMs, toMs }: TimeWindow, ms: number): TimeWindow {
  const length = toMs - fromMs;
  if (ms < fromMs || ms > toMs) {
    return timeWindow(length, ms, 0.5);
  }
  return { fromMs, toMs };
}

const MINUTE_MS = 60_000;
/** Upright the half of it lies before the playhead. */
const UPRIGHT_MS = 75 * MINUTE_MS;
const LYING_MS = 240 * MINUTE_MS;
/** Room beside what there is, as shares of it. */
const BEFORE = 0.05;
const BEHIND = 0.15;

/** All that was recorded, as long as that is not more than the last hours. @param atMs the moment that is looked at */
export function initialWindow(known: readonly Span[], isLying: boolean, atMs: number): TimeWindow {
  const [first, last] = [known[0], known.at(-1)];
  const wholeMs = first && last ? last.endMs - first.startMs : Number.POSITIVE_INFINITY;
  if (!isLying) {
    // Whatever moment is in the middle.
    const length = Math.min(UPRIGHT_MS, Math.max(2 * MINUTE_MS, (1 + BEFORE + BEHIND) * 2 * wholeMs));
    return timeWindow(length, last?.endMs ?? atMs, 0.5);
  }
  const length = Math.max(MINUTE_MS, (1 + BEFORE + BEHIND) * wholeMs);
  return first && length < LYING_MS
    ? timeWindow(length, first.startMs, BEFORE)
    : timeWindow(LYING_MS, last?.endMs ?? atMs, 0.85);
}
