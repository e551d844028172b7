import { expect, test } from 'vitest';
import { shareOf } from './transfer-data.ts';

test.for([
  [{ done: 0, total: 0 }, { done: 0, total: 0 }, 0],
  [{ done: 1, total: 4 }, { done: 0, total: 0 }, 0.25],
  [{ done: 1, total: 4 }, { done: 50, total: 100 }, 0.5],
  [{ done: 5, total: 4 }, { done: 120, total: 100 }, 1],
] as const)('of files %o and bytes %o the share is %d', ([files, bytes, share]) => {
  expect(shareOf({ files, bytes })).toBe(share);
});
