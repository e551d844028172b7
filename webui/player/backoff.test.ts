import { expect, test } from 'vitest';
import { Backoff } from './backoff.ts';

test('waits grow from two to ten seconds, and begin anew after a picture', () => {
  const backoff = new Backoff();
  expect([1, 2, 3, 4, 5, 6].map(() => backoff.take())).toEqual([2000, 3000, 4500, 6750, 10_000, 10_000]);
  backoff.reset();
  expect(backoff.take()).toBe(2000);
});
