import { expect, test } from 'vitest';
import { StreamWatch } from './stream-watch.ts';

const MINUTE_MS = 60_000;

/** Reads the card of a camera whose stream ends by that, and is back at once. @returns the pause, in minutes */
function breakStream(watch: StreamWatch, time: { ms: number }, afterMs = 0): number {
  watch.follow(`${time.ms}`, false, time.ms);
  time.ms += 1_000;
  if (afterMs > 0) {
    watch.read(time.ms);
    time.ms += afterMs;
  }
  watch.follow(null, afterMs === 0, time.ms);
  if (afterMs === 0) {
    watch.read(time.ms);
  }
  const pause = (watch.notBeforeMs - time.ms) / MINUTE_MS;
  watch.follow(`${time.ms}`, false, time.ms);
  time.ms = Math.max(time.ms, watch.notBeforeMs);
  return pause;
}

test.for([0, 20_000])('a camera whose stream ends by reading its card is read ever more rarely: %i ms', (afterMs) => {
  const watch = new StreamWatch();
  const time = { ms: 0 };
  const pauses = [1, 2, 3, 4, 5].map(() => breakStream(watch, time, afterMs));
  expect(pauses).toEqual([2, 4, 8, 16, 24 * 60]);
  expect(watch.isHopeless).toBe(true);
});

test('a stream that ended and was back between two checks counts as ended', () => {
  const watch = new StreamWatch();
  watch.follow('a', false, 0);
  watch.follow('b', true, 2_000);
  expect(watch.notBeforeMs).toBe(2_000 + 2 * MINUTE_MS);
});

test('a stream that ends long after its card was read, or without that, is an outage like any other', () => {
  const watch = new StreamWatch();
  watch.follow('a', false, 0);
  watch.follow(null, false, 1_000);
  watch.follow('b', false, 2_000);
  watch.read(3_000);
  expect(watch.follow('b', false, 34_000)).toBe(false);
  expect(watch.follow(null, false, 36_000)).toBe(true);
  expect(watch.notBeforeMs).toBe(Number.NEGATIVE_INFINITY);
});

test('a card that was read without harm makes good what was before', () => {
  const watch = new StreamWatch();
  const time = { ms: 0 };
  breakStream(watch, time);
  breakStream(watch, time);
  watch.read(time.ms);
  watch.follow(`${time.ms - 4 * MINUTE_MS}`, false, time.ms + 31_000);
  time.ms += 60_000;
  expect(breakStream(watch, time)).toBe(2);
});
