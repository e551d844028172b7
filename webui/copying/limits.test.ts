import { expect, test } from 'vitest';
import { limitsOf, NO_LIMITS as NONE, wrongLimit } from './limits.ts';

test('a request has the days as a period, the last one whole, and the rate in bytes', () => {
  expect(limitsOf(NONE)).toEqual({});
  expect(limitsOf({ firstDay: '2026-01-30', lastDay: '2026-01-31', rate: ' 1.5M' })).toEqual({
    maxBytesPerSecond: 1_572_864,
    since: new Date(2026, 0, 30).toISOString(),
    until: new Date(2026, 1, 1).toISOString(),
  });
  expect(limitsOf({ ...NONE, rate: '500K' })).toMatchObject({ maxBytesPerSecond: 512_000 });
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
  expect(limitsOf({ ...NONE, ...limits }) === undefined).toBe(wrong !== undefined);
});
