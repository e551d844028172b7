import { expect, test } from 'vitest';
import { firstWindow } from './first-window.ts';

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

test('where minutes are recorded, minutes are shown, with a little room', () => {
  const twenty = recorded(20 * MINUTE, 15 * MINUTE, 10 * MINUTE, 0);
  expect(inMinutes(firstWindow(twenty, true, NOW))).toEqual([-21.2, 2.8]);
  expect(inMinutes(firstWindow(twenty, false, NOW))).toEqual([-24, 24]);
});

test('what has just begun is shown within a minute or two', () => {
  expect(inMinutes(firstWindow(recorded(3_000, 0), true, NOW))).toEqual([-0.1, 0.9]);
  expect(inMinutes(firstWindow(recorded(3_000, 0), false, NOW))).toEqual([-1, 1]);
});

test('of days the last hours are shown', () => {
  const days = recorded(5 * 1440 * MINUTE, 0);
  expect(inMinutes(firstWindow(days, true, NOW))).toEqual([-204, 36]);
  expect(inMinutes(firstWindow(days, false, NOW))).toEqual([-37.5, 37.5]);
});

test('where nothing is known yet the hours around the moment are shown', () => {
  expect(inMinutes(firstWindow([], true, NOW))).toEqual([-204, 36]);
  expect(inMinutes(firstWindow([], false, NOW))).toEqual([-37.5, 37.5]);
});
