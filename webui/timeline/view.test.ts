import { afterEach, expect, test } from 'vitest';
import { MAX_MS } from './time-window.ts';
import {
  atMs,
  fromMs,
  isPlayheadFixed,
  resetView,
  setMoment,
  showPeriod,
  showWindow,
  spans,
  toMs,
  zoom,
} from './view.ts';

const HOUR = 3_600_000;
/** Of a box whose clock is ahead of the browser's. */
const NEWEST_MS = Date.now() + 24 * HOUR;

afterEach(() => {
  resetView();
  isPlayheadFixed.value = false;
  spans.value = [];
  atMs.value = undefined;
});

const shareOf = (ms: number) => (ms - fromMs.value) / (toMs.value - fromMs.value);

test.for([false, true])('zoomed out to a month, the present is near the end (fixed playhead: %s)', (isFixed) => {
  spans.value = [{ start: '', startMs: NEWEST_MS - HOUR, endMs: NEWEST_MS }];
  isPlayheadFixed.value = isFixed;
  setMoment(NEWEST_MS - 60_000);
  showWindow({ fromMs: NEWEST_MS - 4 * HOUR, toMs: NEWEST_MS });
  for (let i = 0; i < 30; i += 1) {
    zoom(1 / 1.5, isFixed ? undefined : fromMs.value + HOUR);
  }
  expect(toMs.value - fromMs.value).toBe(MAX_MS);
  expect(shareOf(NEWEST_MS)).toBeGreaterThan(0.89);
  expect(shareOf(NEWEST_MS - 60_000)).toBeLessThan(1);
});

test('nothing leads further into the future, wherever it was asked for', () => {
  spans.value = [{ start: '', startMs: NEWEST_MS - HOUR, endMs: NEWEST_MS }];
  showWindow({ fromMs: NEWEST_MS, toMs: NEWEST_MS + 24 * HOUR });
  expect(shareOf(NEWEST_MS)).toBeCloseTo(0.95);
  zoom(4, NEWEST_MS + HOUR);
  expect(shareOf(NEWEST_MS)).toBeCloseTo(0.95);
});

test('a day that has only begun is shown from its midnight; an earlier one is shown whole', () => {
  const midnight = NEWEST_MS - 2 * HOUR;
  spans.value = [{ start: '', startMs: NEWEST_MS - 4 * HOUR, endMs: NEWEST_MS }];
  showPeriod({ fromMs: midnight, toMs: midnight + 24 * HOUR });
  expect(fromMs.value).toBeCloseTo(midnight, -1);
  expect(shareOf(NEWEST_MS)).toBeCloseTo(0.95);
  showPeriod({ fromMs: midnight - 24 * HOUR, toMs: midnight });
  expect([fromMs.value, toMs.value]).toEqual([midnight - 24 * HOUR, midnight]);
});
