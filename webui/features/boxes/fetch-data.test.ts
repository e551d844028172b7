import { expect, test } from 'vitest';
import { type FetchLimits, fetchRequestOf, wrongLimit } from './fetch-data.ts';

const NONE: FetchLimits = { firstDay: '', lastDay: '', rate: '' };
const ITEMS = [{ group: 'cam', path: 'yard' }];

test('a fetch has the days as a period, the last one whole, and the rate in bytes', () => {
  expect(fetchRequestOf('a', ITEMS, NONE)).toEqual({ kind: 'fetch', box: 'a', items: ITEMS });
  expect(fetchRequestOf('a', ITEMS, { firstDay: '2026-01-30', lastDay: '2026-01-31', rate: ' 1.5M' })).toEqual({
    ...{ kind: 'fetch', box: 'a', items: ITEMS, maxBytesPerSecond: 1_572_864 },
    since: new Date(2026, 0, 30).toISOString(),
    until: new Date(2026, 1, 1).toISOString(),
  });
  expect(fetchRequestOf('a', ITEMS, { ...NONE, rate: '500K' })).toMatchObject({ maxBytesPerSecond: 512_000 });
});

test.for([
  [{}, undefined],
  [{ firstDay: '2026-01-31', lastDay: '2026-01-31' }, undefined],
  [{ firstDay: '2026-02-01', lastDay: '2026-01-31' }, 'lastDay'],
  [{ rate: '2' }, 'rate'],
  [{ rate: '0M' }, 'rate'],
  [{ rate: 'fast' }, 'rate'],
] as const)('of %o the wrong one is %s', ([limits, wrong]) => {
  expect(wrongLimit({ ...NONE, ...limits })).toBe(wrong);
  expect(fetchRequestOf('a', ITEMS, { ...NONE, ...limits }) === undefined).toBe(wrong !== undefined);
});
