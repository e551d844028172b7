import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { coalesce } from './coalesce.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('many simultaneous calls run once, and once more after a rest', async () => {
  const stop = new AbortController();
  const work = vi.fn(async () => {});
  const look = coalesce(work, 1_000, stop.signal);
  for (let i = 0; i < 20; i += 1) {
    look();
    await vi.advanceTimersByTimeAsync(20);
  }
  expect(work).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(work).toHaveBeenCalledTimes(2);
});

test('a failed run is repeated when called again, and nothing runs after the end', async () => {
  const stop = new AbortController();
  const work = vi.fn(() => Promise.reject(new Error('no answer')));
  const look = coalesce(work, 1_000, stop.signal);
  look();
  await vi.advanceTimersByTimeAsync(2_000);
  look();
  look();
  stop.abort();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(work).toHaveBeenCalledTimes(2);
});
