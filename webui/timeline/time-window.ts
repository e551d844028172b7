import type { Span } from '../api-client/recordings/recordings.ts';

/** Visible period, Unix milliseconds. */
export interface TimeWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

const MIN_MS = 1_000;
export const MAX_MS = 31 * 86_400_000;

/** Limits its length, around the same share of the window. */
export function timeWindow(lengthMs: number, aroundMs: number, share: number): TimeWindow {
  const length = Math.min(MAX_MS, Math.max(MIN_MS, lengthMs));
  const fromMs = aroundMs - share * length;
  return { fromMs, toMs: fromMs + length };
}

/** `factor` above 1 zooms in; `aroundMs` stays in place. */
export function zoomed({ fromMs, toMs }: TimeWindow, factor: number, aroundMs: number): TimeWindow {
  const length = toMs - fromMs;
  return timeWindow(length / factor, aroundMs, (aroundMs - fromMs) / length);
}

/** Moves the window so that it contains the moment. */
export function shiftedTo({ fromMs, toMs }: TimeWindow, ms: number): TimeWindow {
  const length = toMs - fromMs;
  if (ms < fromMs || ms > toMs) {
    return timeWindow(length, ms, 0.5);
  }
  return { fromMs, toMs };
}

const MINUTE_MS = 60_000;
/** Upright, the playhead is in the middle. */
const UPRIGHT_MS = 75 * MINUTE_MS;
const HORIZONTAL_MS = 240 * MINUTE_MS;
/** Margins around the recordings, as shares. */
const BEFORE = 0.05;
const BEHIND = 0.15;

/** All recordings, at most the last hours. @param atMs the shown moment */
export function initialWindow(known: readonly Span[], isHorizontal: boolean, atMs: number): TimeWindow {
  const [first, last] = [known[0], known.at(-1)];
  const wholeMs = first && last ? last.endMs - first.startMs : Number.POSITIVE_INFINITY;
  if (!isHorizontal) {
    const length = Math.min(UPRIGHT_MS, Math.max(2 * MINUTE_MS, (1 + BEFORE + BEHIND) * 2 * wholeMs));
    return timeWindow(length, last?.endMs ?? atMs, 0.5);
  }
  const length = Math.max(MINUTE_MS, (1 + BEFORE + BEHIND) * wholeMs);
  return first && length < HORIZONTAL_MS
    ? timeWindow(length, first.startMs, BEFORE)
    : timeWindow(HORIZONTAL_MS, last?.endMs ?? atMs, 0.85);
}
