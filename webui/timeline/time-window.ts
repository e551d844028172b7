import type { Span } from '../api-client/recordings/recordings.ts';
import { MINUTE_MS } from '../words/units.ts';

/** Visible period, Unix milliseconds. */
export interface TimeWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

export const MAX_MS = 31 * 86_400_000;

/** Limits its length, around the same share of the window. */
export function timeWindow(lengthMs: number, aroundMs: number, share: number): TimeWindow {
  const length = Math.min(MAX_MS, Math.max(1_000, lengthMs));
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

/** Share of the window after the newest moment. */
const AHEAD = 0.05;

/** Moves a window back if most of its end is the future. @param lastMs now, or the newest recording */
export function notAhead({ fromMs, toMs }: TimeWindow, lastMs: number): TimeWindow {
  const byMs = Math.max(0, toMs - lastMs - AHEAD * (toMs - fromMs));
  return { fromMs: fromMs - byMs, toMs: toMs - byMs };
}

/** Ends a window shortly after `lastMs`, if the rest is the future. */
export const endedAhead = ({ fromMs, toMs }: TimeWindow, lastMs: number): TimeWindow =>
  lastMs <= fromMs ? { fromMs, toMs } : { fromMs, toMs: Math.min(toMs, fromMs + (lastMs - fromMs) / (1 - AHEAD)) };

const UPRIGHT_MS = 75 * MINUTE_MS;
const HORIZONTAL_MS = 240 * MINUTE_MS;
/** Margin before the recordings, as a share. */
const BEFORE = 0.05;

/** Share of an upright window before the playhead: the middle, and higher in long windows, which end in the future. */
export const uprightShare = (lengthMs: number): number => Math.min(0.9, Math.max(0.5, 1 - UPRIGHT_MS / 2 / lengthMs));

/** All recordings, at most the last hours. @param atMs the shown moment */
export function initialWindow(known: readonly Span[], isHorizontal: boolean, atMs: number): TimeWindow {
  const [first, last] = [known[0], known.at(-1)];
  const wholeMs = first && last ? last.endMs - first.startMs : Number.POSITIVE_INFINITY;
  if (!isHorizontal) {
    const length = Math.min(UPRIGHT_MS, Math.max(2 * MINUTE_MS, (1 + BEFORE + AHEAD) * 2 * wholeMs));
    return timeWindow(length, last?.endMs ?? atMs, uprightShare(length));
  }
  const length = Math.max(MINUTE_MS, (1 + BEFORE + AHEAD) * wholeMs);
  return first && length < HORIZONTAL_MS
    ? timeWindow(length, first.startMs, BEFORE)
    : timeWindow(HORIZONTAL_MS, last?.endMs ?? atMs, 1 - AHEAD);
}
