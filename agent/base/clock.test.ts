import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from './clock.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Counts the ticks; ended with the test. */
function ticking() {
  const seen = { ticks: 0 };
  const stop = systemClock.eachSecond(() => {
    seen.ticks += 1;
  });
  onTestFinished(stop);
  return Object.assign(seen, { stop });
}

test('all callbacks of each second share one wake-up', () => {
  const first = ticking();
  vi.advanceTimersByTime(400);
  const second = ticking();
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(2_000);
  const before = [first.ticks, second.ticks];
  vi.advanceTimersByTime(10_000);
  expect([first.ticks, second.ticks]).toEqual(before.map((ticks) => ticks + 10));
});

test('a tick is never early, and the first one is within two seconds', () => {
  ticking();
  vi.advanceTimersByTime(1_900);
  const late = ticking();
  vi.advanceTimersByTime(999);
  expect(late.ticks).toBe(0);
  vi.advanceTimersByTime(1_001);
  expect(late.ticks).toBe(1);
});

test('joining or leaving during a tick does not affect others', () => {
  const seen: string[] = [];
  let joined: ReturnType<typeof ticking> | undefined;
  const stop = systemClock.eachSecond(() => {
    seen.push('leaves');
    stop();
    joined ??= ticking();
  });
  const other = ticking();
  vi.advanceTimersByTime(4_000);
  expect(seen).toEqual(['leaves']);
  expect(other.ticks).toBe(3);
  expect(joined?.ticks).toBe(2);
});

test('without callbacks nothing wakes the process', () => {
  const one = ticking();
  one.stop();
  one.stop();
  expect(vi.getTimerCount()).toBe(0);
  const again = ticking();
  vi.advanceTimersByTime(2_000);
  expect(again.ticks).toBe(1);
});

test('an explicit pause of one second is exact', () => {
  ticking();
  vi.advanceTimersByTime(300);
  const seen: string[] = [];
  onTestFinished(systemClock.every(1_000, () => seen.push('tick')));
  vi.advanceTimersByTime(999);
  expect(seen).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(seen).toEqual(['tick']);
});
