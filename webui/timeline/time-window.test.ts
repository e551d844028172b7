import { expect, test } from 'vitest';
import { initialWindow, MAX_MS, notAhead, shiftedTo, timeWindow, uprightShare, zoomed } from './time-window.ts';

const HOUR = 3_600_000;

test('zooming keeps the moment under the finger', () => {
  expect(zoomed({ fromMs: 0, toMs: 4 * HOUR }, 2, HOUR)).toEqual({ fromMs: HOUR / 2, toMs: 2.5 * HOUR });
  expect(zoomed({ fromMs: HOUR / 2, toMs: 2.5 * HOUR }, 0.5, HOUR)).toEqual({ fromMs: 0, toMs: 4 * HOUR });
});

test('a window has from a second to 31 days, around the moment', () => {
  expect(zoomed({ fromMs: 0, toMs: 2_000 }, 100, 500)).toEqual({ fromMs: 250, toMs: 1_250 });
  expect(zoomed({ fromMs: 0, toMs: MAX_MS }, 0.1, MAX_MS / 2)).toEqual({ fromMs: 0, toMs: MAX_MS });
  expect(timeWindow(0, 1000, 0.5)).toEqual({ fromMs: 500, toMs: 1_500 });
});

test('a moment outside is centred; one inside moves nothing', () => {
  const hour = { fromMs: 0, toMs: HOUR };
  expect(shiftedTo(hour, 0.98 * HOUR)).toEqual(hour);
  expect(shiftedTo(hour, 3 * HOUR)).toEqual({ fromMs: 2.5 * HOUR, toMs: 3.5 * HOUR });
});

const MINUTE = 60_000;
const NOW = Date.UTC(2026, 10, 17, 12);
/** @param beforeMs now, begin and end in turns */
const recorded = (...beforeMs: readonly number[]) =>
  Array.from({ length: beforeMs.length / 2 }, (_, i) => ({
    start: '',
    startMs: NOW - (beforeMs[2 * i] ?? 0),
    endMs: NOW - (beforeMs[2 * i + 1] ?? 0),
  }));
const inMinutes = ({ fromMs, toMs }: { fromMs: number; toMs: number }) => [
  (fromMs - NOW) / MINUTE,
  (toMs - NOW) / MINUTE,
];

test('minutes of recordings show minutes, with a margin', () => {
  const twenty = recorded(20 * MINUTE, 15 * MINUTE, 10 * MINUTE, 0);
  expect(inMinutes(initialWindow(twenty, true, NOW))).toEqual([-21.1, 0.9]);
  expect(inMinutes(initialWindow(twenty, false, NOW))).toEqual([-22, 22]);
});

test('a new recording is shown within a minute or two', () => {
  expect(inMinutes(initialWindow(recorded(3_000, 0), true, NOW))).toEqual([-0.1, 0.9]);
  expect(inMinutes(initialWindow(recorded(3_000, 0), false, NOW))).toEqual([-1, 1]);
});

test('days of recordings show the last hours', () => {
  const days = recorded(5 * 1440 * MINUTE, 0);
  expect(inMinutes(initialWindow(days, true, NOW))).toEqual([-228, 12]);
  expect(inMinutes(initialWindow(days, false, NOW))).toEqual([-37.5, 37.5]);
});

test('without known recordings the hours around the moment are shown', () => {
  expect(inMinutes(initialWindow([], true, NOW))).toEqual([-228, 12]);
  expect(inMinutes(initialWindow([], false, NOW))).toEqual([-37.5, 37.5]);
});

test('a window ends a twentieth of its length after the newest moment, at the latest', () => {
  expect(notAhead({ fromMs: 0, toMs: 20 * HOUR }, 30 * HOUR)).toEqual({ fromMs: 0, toMs: 20 * HOUR });
  expect(notAhead({ fromMs: 0, toMs: MAX_MS }, MAX_MS / 2)).toEqual({ fromMs: -0.45 * MAX_MS, toMs: 0.55 * MAX_MS });
});

test('a fixed playhead is in the middle of short windows and near the new end of long ones', () => {
  expect([1_000, 75 * MINUTE, 150 * MINUTE, 24 * HOUR, MAX_MS].map(uprightShare)).toEqual([0.5, 0.5, 0.75, 0.9, 0.9]);
});
