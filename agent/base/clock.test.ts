import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from './clock.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Counts the ticks; ended with the test. */
function ticking(ms: number) {
  const seen = { ticks: 0 };
  const stop = systemClock.every(ms, () => {
    seen.ticks += 1;
  });
  onTestFinished(stop);
  return Object.assign(seen, { stop });
}

test('whoever looks once a second does it together with the others, in one wake-up', () => {
  const first = ticking(1_000);
  vi.advanceTimersByTime(400);
  const second = ticking(1_000);
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(2_000);
  const before = [first.ticks, second.ticks];
  vi.advanceTimersByTime(10_000);
  expect([first.ticks, second.ticks]).toEqual(before.map((ticks) => ticks + 10));
});

test('a tick is never early, and the first one comes within two seconds', () => {
  ticking(1_000);
  vi.advanceTimersByTime(1_900);
  const late = ticking(1_000);
  vi.advanceTimersByTime(999);
  expect(late.ticks).toBe(0);
  vi.advanceTimersByTime(1_001);
  expect(late.ticks).toBe(1);
});

test('who joins or leaves during a tick disturbs no other', () => {
  const seen: string[] = [];
  let joined: ReturnType<typeof ticking> | undefined;
  const stop = systemClock.every(1_000, () => {
    seen.push('leaves');
    stop();
    joined ??= ticking(1_000);
  });
  const other = ticking(1_000);
  vi.advanceTimersByTime(4_000);
  expect(seen).toEqual(['leaves']);
  expect(other.ticks).toBe(3);
  expect(joined?.ticks).toBe(2);
});

test('when nobody looks any more nothing wakes up', () => {
  const one = ticking(1_000);
  one.stop();
  one.stop();
  expect(vi.getTimerCount()).toBe(0);
  const again = ticking(1_000);
  vi.advanceTimersByTime(2_000);
  expect(again.ticks).toBe(1);
});

test('other pauses are kept exactly', () => {
  const seen = ticking(250);
  vi.advanceTimersByTime(1_000);
  expect(seen.ticks).toBe(4);
});
