import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { retryNow } from '../shell/sleep.ts';
import { RequestError } from './request.ts';
import { retryUntilAnswered } from './retry.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Fails with these, one after the other, then answers. */
function failing(...statuses: readonly number[]) {
  const left = [...statuses];
  return vi.fn(async () => {
    const status = left.shift();
    if (status !== undefined) {
      throw new RequestError(status, 'no');
    }
    return 'there';
  });
}

test.for([0, 401, 429, 500, 503])('a failure with %i is retried after a delay', async (status) => {
  const work = failing(status, status);
  const answer = retryUntilAnswered(work, new AbortController().signal);
  await vi.advanceTimersByTimeAsync(900);
  expect(work).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(work).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await answer).toBe('there');
});

test('it is retried at once when the box is back', async () => {
  const work = failing(0, 0);
  const answer = retryUntilAnswered(work, new AbortController().signal);
  await vi.advanceTimersByTimeAsync(0);
  retryNow();
  await vi.advanceTimersByTimeAsync(0);
  retryNow();
  expect(await answer).toBe('there');
});

test('the longest delay is half a minute', async () => {
  const work = failing(...Array.from({ length: 20 }, () => 0));
  retryUntilAnswered(work, new AbortController().signal);
  await vi.advanceTimersByTimeAsync(61_000);
  const asked = work.mock.calls.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(work).toHaveBeenCalledTimes(asked + 2);
});

test.for([400, 403, 404])('status %i is not retried', async (status) => {
  const work = failing(status);
  await expect(retryUntilAnswered(work, new AbortController().signal)).rejects.toMatchObject({ status });
  expect(work).toHaveBeenCalledTimes(1);
});

test('a response after the stop is ignored', async () => {
  const stop = new AbortController();
  const late = async () => {
    stop.abort();
    return 'late';
  };
  expect(await retryUntilAnswered(late, stop.signal)).toBeUndefined();
});

test('nothing is requested or reported after the stop', async () => {
  const work = failing(0, 0);
  const stop = new AbortController();
  const notified = vi.fn();
  const answer = retryUntilAnswered(work, stop.signal, notified);
  await vi.advanceTimersByTimeAsync(0);
  stop.abort();
  expect(await answer).toBeUndefined();
  expect([work.mock.calls.length, notified.mock.calls.length]).toEqual([1, 1]);
});
