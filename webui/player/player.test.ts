import { expect, test } from 'vitest';
import { Backoff, ConcurrencyLimit } from './player.ts';

test('delays grow from two to ten seconds, and start over after a frame', () => {
  const backoff = new Backoff();
  expect([1, 2, 3, 4, 5, 6].map(() => backoff.take())).toEqual([2000, 3000, 4500, 6750, 10_000, 10_000]);
  backoff.reset();
  expect(backoff.take()).toBe(2000);
});

test('two enter at once, the others in order as slots become free', async () => {
  const gate = new ConcurrencyLimit(2);
  const entered: number[] = [];
  const enter = async (number: number) => {
    const leave = await gate.enter();
    entered.push(number);
    return leave;
  };
  const first = enter(1);
  const second = enter(2);
  const third = enter(3);
  const fourth = enter(4);
  const leaveFirst = await first;
  await second;
  expect(entered).toEqual([1, 2]);

  leaveFirst();
  leaveFirst();
  await third;
  expect(entered).toEqual([1, 2, 3]);

  (await second)();
  await fourth;
  expect(entered).toEqual([1, 2, 3, 4]);
});
