import { expect, test } from 'vitest';
import { distinctDisks } from './system.ts';

const GB = 1e9;

test('two folders on one disk are one disk', () => {
  const data = { folder: '/data', totalBytes: 271 * GB, freeBytes: 82 * GB };
  const recordings = { folder: '/data/recordings', totalBytes: 271 * GB, freeBytes: 82 * GB - 400_000 };
  expect(distinctDisks([data, recordings])).toEqual([recordings]);
});

test('two disks of the same size are two disks', () => {
  const card = { folder: '/', totalBytes: 64 * GB, freeBytes: 40 * GB };
  const stick = { folder: '/media/stick', totalBytes: 64 * GB, freeBytes: 12 * GB };
  expect(distinctDisks([card, stick])).toEqual([card, stick]);
});
