import { expect, test } from 'vitest';
import { missingBytes, shareOf } from './transfer-data.ts';

test.for([
  [100, 200, 50, 0],
  [100, 150, 50, 0],
  [100, 149, 50, 1],
  [100, 10, 50, 100],
] as const)(
  '%d bytes to a disk with %d free, of which %d stay free, lack %d',
  ([bytes, freeBytes, keptFreeBytes, missing]) => {
    expect(missingBytes({ files: 1, bytes, freeBytes, keptFreeBytes })).toBe(missing);
  },
);

test.for([
  [{ done: 0, total: 0 }, { done: 0, total: 0 }, 0],
  [{ done: 1, total: 4 }, { done: 0, total: 0 }, 0.25],
  [{ done: 1, total: 4 }, { done: 50, total: 100 }, 0.5],
  [{ done: 5, total: 4 }, { done: 120, total: 100 }, 1],
] as const)('of files %o and bytes %o the share is %d', ([files, bytes, share]) => {
  expect(shareOf({ files, bytes })).toBe(share);
});
