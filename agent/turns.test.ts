import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('so many work at a time, the others in their order, whatever fails', async () => {
  const turns = new Turns(2, 10);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const works = [0, 1, 2, 3].map((i) =>
    turns
      .take(() => {
        begun.push(i);
        return new Promise<void>((resolve, reject) => ends.push(i === 0 ? () => reject(new Error('no')) : resolve));
      })
      .catch((error: Error) => error.message),
  );
  await settle();
  expect(begun).toEqual([0, 1]);
  ends[0]?.();
  await settle();
  expect(begun).toEqual([0, 1, 2]);
  ends[1]?.();
  ends[2]?.();
  await settle();
  ends[3]?.();
  expect(await Promise.all(works)).toEqual(['no', undefined, undefined, undefined]);
  expect(await turns.take(async () => 'free again')).toBe('free again');
});

test('more than may wait are told to come again', async () => {
  const turns = new Turns(1, 2);
  const waiting = [1, 2].map(() => turns.take(() => new Promise<void>(() => {})));
  expect(waiting.length).toBe(2);
  expect(() => turns.checkRoom(1)).not.toThrow();
  expect(() => turns.checkRoom(2)).toThrow('1 cameras wait for their turn, the limit is 2');
});
