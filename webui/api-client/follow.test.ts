import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { follow } from './follow.ts';
import { RequestError } from './request.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const MINUTE_MS = 60_000;

test('work that never ends is asked for twice a second at first, then every ten seconds, and is given up after an hour', async () => {
  const ask = vi.fn(async () => 'running');
  const ended = follow(ask, (state) => state === 'done');
  await vi.advanceTimersByTimeAsync(2_000);
  expect(ask).toHaveBeenCalledTimes(5);
  await vi.advanceTimersByTimeAsync(10 * MINUTE_MS);
  const before = ask.mock.calls.length;
  expect(before).toBeLessThan(100);
  await vi.advanceTimersByTimeAsync(MINUTE_MS);
  expect(ask.mock.calls.length - before).toBe(6);
  await vi.advanceTimersByTimeAsync(65 * MINUTE_MS);
  expect(await ended).toBeUndefined();
  expect(vi.getTimerCount()).toBe(0);
});

test('a box that comes back within five minutes continues, and one that stays away ends it', async () => {
  let isAway = true;
  const ask = vi.fn(async () => {
    if (isAway) {
      throw new RequestError(0, 'no answer');
    }
    return 'done';
  });
  const back = follow(ask, (state) => state === 'done');
  await vi.advanceTimersByTimeAsync(4 * MINUTE_MS);
  isAway = false;
  await vi.advanceTimersByTimeAsync(MINUTE_MS);
  expect(await back).toBe('done');

  isAway = true;
  const away = expect(follow(ask, () => false)).rejects.toMatchObject({ status: 0 });
  await vi.advanceTimersByTimeAsync(6 * MINUTE_MS);
  await away;
  expect(vi.getTimerCount()).toBe(0);
});

test('after hours of sleep the first requests may fail, and the work is followed to its end', async () => {
  const answers = ['running', undefined, undefined, 'running', 'done'];
  const ask = vi.fn(async () => {
    const answer = answers.shift();
    if (answer === undefined) {
      throw new RequestError(0, 'no network yet');
    }
    return answer;
  });
  const ended = follow(ask, (state) => state === 'done');
  await vi.advanceTimersByTimeAsync(0);
  vi.setSystemTime(Date.now() + 180 * MINUTE_MS);
  await vi.advanceTimersByTimeAsync(MINUTE_MS);
  expect(await ended).toBe('done');
});

test('any other refusal ends it at once, and so does the stop', async () => {
  const refusal = new RequestError(404, 'no such job');
  await expect(
    follow(
      () => Promise.reject(refusal),
      () => false,
    ),
  ).rejects.toBe(refusal);
  const stop = new AbortController();
  const stopped = follow(
    async () => 'running',
    () => false,
    stop.signal,
  );
  await vi.advanceTimersByTimeAsync(600);
  stop.abort();
  expect(await stopped).toBeUndefined();
});
