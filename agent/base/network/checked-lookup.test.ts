import { expect, test } from 'vitest';
import { checkedLookup } from './checked-lookup.ts';

test('a callback that throws is called once', async () => {
  const { promise: fault, resolve } = Promise.withResolvers<unknown>();
  process.once('uncaughtException', resolve);
  const calls: unknown[] = [];
  checkedLookup((_host, ips) => ips)('127.0.0.1', { all: true }, (error) => {
    calls.push(error);
    throw new Error('of the callback');
  });
  expect(await fault).toMatchObject({ message: 'of the callback' });
  expect(calls).toEqual([null]);
});
