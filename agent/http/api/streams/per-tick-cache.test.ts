import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { PerTickCache } from './paths.ts';

test('a reply is computed once in a turn of the event loop, and again in the next', async () => {
  const cache = new PerTickCache();
  let made = 0;
  const ask = (question = '') => String(cache.get(question, () => ({ question, made: ++made })));
  expect([ask(), ask(), ask('page=1'), ask()]).toEqual([
    ...['{"question":"","made":1}', '{"question":"","made":1}'],
    ...['{"question":"page=1","made":2}', '{"question":"","made":1}'],
  ]);
  await setImmediate();
  expect(ask()).toBe('{"question":"","made":3}');
});

test('sixteen replies are cached, and a failure is not', () => {
  const cache = new PerTickCache();
  const fail = () => {
    throw new Error('invalid page');
  };
  expect(() => cache.get('page=x', fail)).toThrow('invalid page');
  let made = 0;
  for (let round = 0; round < 2; round += 1) {
    for (let page = 0; page < 20; page += 1) {
      cache.get(`page=${page}`, () => ++made);
    }
  }
  expect(made).toBe(24);
});
