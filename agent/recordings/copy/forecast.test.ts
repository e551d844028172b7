import { expect, test } from 'vitest';
import { roomOf } from './forecast.ts';

test.for([
  [100, 200, 50, 50],
  [100, 150, 50, 0],
  [100, 149, 50, -1],
  [100, 10, 50, -100],
] as const)('%d bytes to a disk with %d free, of which %d stay free, leave %d', ([bytes, freeBytes, kept, room]) => {
  expect(roomOf({ bytes, freeBytes, keptFreeBytes: kept })).toBe(room);
});
