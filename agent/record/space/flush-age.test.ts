import { expect, test } from 'vitest';
import { FlushAge } from './flush-age.ts';

/** Days of a disk whose flushes take these times. */
function lived(...periods: readonly (readonly [days: number, flushMs: number])[]) {
  const flushes = { count: 0, totalMs: 0 };
  let nowMs = 0;
  const age = new FlushAge();
  age.add(nowMs, flushes);
  for (const [days, flushMs] of periods) {
    for (let day = 0; day < days; day += 1) {
      for (let hour = 0; hour < 24; hour += 1) {
        flushes.count += 700;
        flushes.totalMs += 700 * flushMs;
        nowMs += 3_600_000;
        age.add(nowMs, flushes);
      }
    }
  }
  return age;
}

test.for([
  ['a healthy card', [[60, 20]], undefined],
  [
    'one with a bad day',
    [
      [20, 20],
      [3, 4_000],
      [10, 20],
    ],
    undefined,
  ],
  [
    'one that is slower, but fast enough',
    [
      [20, 2],
      [20, 60],
    ],
    undefined,
  ],
  [
    'more cameras',
    [
      [20, 50],
      [20, 150],
    ],
    undefined,
  ],
  [
    'the first weeks',
    [
      [13, 20],
      [13, 400],
    ],
    undefined,
  ],
  [
    'one that ages',
    [
      [30, 20],
      [30, 90],
      [9, 130],
    ],
    { times: 6.5, nowMs: 130 },
  ],
] as const)('%s', ([, periods, slowdown]) => {
  expect(lived(...periods).slowdown).toEqual(slowdown);
});

test('days with few flushes do not count, and the first days are kept across restarts', () => {
  const { days } = lived([14, 20], [30, 200]);
  expect(days.first).toEqual(new Array(14).fill(20));
  expect(days.latest).toHaveLength(14);
  const next = new FlushAge(days);
  next.add(0, { count: 0, totalMs: 0 });
  expect(next.add(86_400_000, { count: 499, totalMs: 9e6 })).toBe(false);
  expect(next.slowdown).toEqual({ times: 10, nowMs: 200 });
});

test('a disk that comes later does not get the flushes of the one before it', () => {
  const age = new FlushAge();
  // A card of 4 s a flush was in the reader since the start.
  age.add(0, { count: 10_000, totalMs: 4e7 });
  age.add(86_400_000, { count: 20_000, totalMs: 4e7 + 10_000 * 20 });
  expect(age.days.first).toEqual([20]);
});
