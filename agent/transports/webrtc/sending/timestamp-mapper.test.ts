import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { TimestampMapper } from './timestamp-mapper.ts';

const STEP = 3_600;

test('a live frame keeps its own time', () => {
  const edge = new TimestampMapper(90_000);
  for (let i = 0; i < 3; i += 1) {
    edge.onVideo(STEP * i, 40 * i);
    expect(edge.stamp(STEP * i, 40 * i + 0.2)).toBe(STEP * i);
  }
});

test('a delayed frame has the time of its sending, but never that of the next one', () => {
  const edge = new TimestampMapper(90_000);
  edge.onVideo(0, 0);
  edge.onVideo(STEP, 40);
  expect([edge.stamp(0, 50), edge.stamp(STEP, 60)]).toEqual([STEP + 900, STEP + 1_800]);
  expect([edge.stamp(STEP, 500), edge.stamp(STEP, 501)]).toEqual([2 * STEP, 2 * STEP + 1]);
});

test('late frames of a camera never turn time back', () => {
  const edge = new TimestampMapper(90_000);
  edge.onVideo(0, 0);
  edge.onVideo(STEP, 40);
  expect(edge.stamp(0, 100)).toBe(2 * STEP);
  edge.onVideo(2 * STEP, 100);
  expect(edge.stamp(2 * STEP, 100)).toBe(2 * STEP + 1);
});

test('a restarted stream restarts for its viewers', () => {
  const edge = new TimestampMapper(90_000);
  edge.onVideo(2 ** 31, 0);
  edge.stamp(2 ** 31, 0);
  edge.onVideo(5, 40);
  expect(edge.stamp(5, 40)).toBe(5);
});

test.for([1, 2, 3])(
  'across the 32-bit wrap, with frames of any delay, each time is later than the previous one, seed %i',
  (seed) => {
    const next = random(seed);
    const edge = new TimestampMapper(90_000);
    let [nowMs, last] = [0, -1];
    for (let i = 0; i < 2_000; i += 1) {
      nowMs += 80 * next();
      const timestamp = (2 ** 32 - 1_000 * STEP + STEP * i) % 2 ** 32;
      edge.onVideo(timestamp, nowMs);
      const stamp = edge.stamp(next() < 0.5 ? timestamp : (timestamp - STEP) >>> 0, nowMs + 30 * next());
      expect(last < 0 || ((stamp - last) | 0) > 0).toBe(true);
      last = stamp;
    }
  },
);
