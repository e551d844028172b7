import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ReadLimit } from './read-limit.ts';

const { signal } = new AbortController();

test('a limited number of reads run at the same time, others wait for their turn, and more are rejected', async () => {
  const limit = new ReadLimit(2, 2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const run = (n: number, end = signal) =>
    limit.run(async () => {
      begun.push(n);
      await new Promise<void>((resolve) => ends.push(resolve));
      return n;
    }, end);
  const left = new AbortController();
  const [one, two, three, four] = [run(1), run(2), run(3, left.signal), run(4)];
  await expect(run(5)).rejects.toMatchObject({ code: 'exhausted', context: { retryAfterS: 5 } });
  expect(begun).toEqual([1, 2]);
  left.abort();
  await expect(three).rejects.toMatchObject({ name: 'AbortError' });
  const six = run(6);
  ends.shift()?.();
  expect(await one).toBe(1);
  await expect.poll(() => begun).toEqual([1, 2, 4]);
  ends.splice(0).forEach((end) => {
    end();
  });
  expect(await Promise.all([two, four])).toEqual([2, 4]);
  await expect.poll(() => begun).toEqual([1, 2, 4, 6]);
  ends.shift()?.();
  expect(await six).toBe(6);
});

test('work that fails gives its turn to the next', async () => {
  const limit = new ReadLimit(1, 1);
  const failing = limit.run(() => Promise.reject(new Error('broken')), signal);
  const next = limit.run(async () => 'next', signal);
  await expect(failing).rejects.toThrow('broken');
  expect(await next).toBe('next');
});

test('work that hangs ends for its caller when its signal aborts, and counts until it really ends', async () => {
  const limit = new ReadLimit(1, 1);
  const stop = new AbortController();
  const hung = Promise.withResolvers<void>();
  const first = limit.run(() => hung.promise, stop.signal);
  stop.abort();
  await expect(first).rejects.toMatchObject({ name: 'AbortError' });
  let isDone = false;
  const second = limit.run(async () => {
    isDone = true;
  }, signal);
  await setImmediate();
  expect(isDone).toBe(false);
  hung.resolve();
  await second;
  expect(isDone).toBe(true);
});
