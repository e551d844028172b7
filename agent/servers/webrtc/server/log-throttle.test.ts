import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { LogThrottle } from './log-throttle.ts';

test('each key is due once a minute', async () => {
  const clock = new FakeClock();
  const due = new LogThrottle(clock);
  expect(['a', 'b', 'a'].map((key) => due.isDue(key))).toEqual([true, true, false]);
  await clock.advance(59_999);
  expect(due.isDue('a')).toBe(false);
  await clock.advance(1);
  expect(['a', 'a'].map((key) => due.isDue(key))).toEqual([true, false]);
});

test('beyond 500 keys the oldest are dropped', () => {
  const due = new LogThrottle(new FakeClock());
  for (let i = 0; i < 501; i += 1) {
    due.isDue(String(i));
  }
  expect(['500', '0'].map((key) => due.isDue(key))).toEqual([false, true]);
});
