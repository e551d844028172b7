import type { Span } from '../api-client/recordings.ts';
import { type Window, windowOf } from './time-window.ts';

const MINUTE_MS = 60_000;
/** Upright the half of it lies before the playhead. */
const UPRIGHT_MS = 75 * MINUTE_MS;
const LYING_MS = 240 * MINUTE_MS;
/** Room beside what there is, as shares of it. */
const BEFORE = 0.05;
const BEHIND = 0.15;

/** All that was recorded, as long as that is not more than the last hours. @param atMs the moment that is looked at */
export function firstWindow(known: readonly Span[], isLying: boolean, atMs: number): Window {
  const [first, last] = [known[0], known.at(-1)];
  const wholeMs = first && last ? last.endMs - first.startMs : Number.POSITIVE_INFINITY;
  if (!isLying) {
    // Whatever moment is in the middle.
    const length = Math.min(UPRIGHT_MS, Math.max(2 * MINUTE_MS, (1 + BEFORE + BEHIND) * 2 * wholeMs));
    return windowOf(length, last?.endMs ?? atMs, 0.5);
  }
  const length = Math.max(MINUTE_MS, (1 + BEFORE + BEHIND) * wholeMs);
  return first && length < LYING_MS
    ? windowOf(length, first.startMs, BEFORE)
    : windowOf(LYING_MS, last?.endMs ?? atMs, 0.85);
}
