import { expect, test } from 'vitest';
import { PictureTurns } from './picture-turns.ts';

test('a person with many requests leaves the decoder to others, and gets all pictures in the end', async () => {
  const turns = new PictureTurns();
  const open: (() => void)[] = [];
  const make = () => new Promise<void>((resolve) => open.push(resolve));
  const many = Array.from({ length: 64 }, () => turns.run('tom', make));
  expect(open.length).toBe(4);
  await expect(turns.run('tom', make)).rejects.toThrow('60 pictures are waiting already');
  const other = turns.run('ann', make);
  expect(open.length).toBe(5);
  open.pop()?.();
  await other;
  let isOver = false;
  const all = Promise.all(many).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    open.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await all).length).toBe(64);
});

test('a picture that fails ends its turn', async () => {
  const turns = new PictureTurns();
  const failed = Array.from({ length: 9 }, () => turns.run('tom', () => Promise.reject(new Error('no'))));
  expect((await Promise.allSettled(failed)).every(({ status }) => status === 'rejected')).toBe(true);
  expect(await turns.run('tom', async () => 7)).toBe(7);
});
