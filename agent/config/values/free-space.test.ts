import { expect, test } from 'vitest';
import { checkFreeSpace, freeSpaceBytes } from './free-space.ts';

const DISK = 64_000_000_000;

test.for([
  ['10%', 6_400_000_000, '10%'],
  ['2.5 %', 1_600_000_000, '2.5%'],
  ['0%', 0, '0%'],
  ['0', 0, '0B'],
  ['20G', 20 * 2 ** 30, '20G'],
  ['512MiB', 512 * 2 ** 20, '512M'],
] as const)('%s of a card of 64 GB is %d bytes and is shown as %s', ([text, bytes, shown]) => {
  expect(freeSpaceBytes(text, DISK)).toBe(bytes);
  expect(checkFreeSpace(text)).toBe(shown);
});

test('a size beyond the disk is the whole disk', () => {
  expect(freeSpaceBytes('1T', DISK)).toBe(DISK);
});

test.for(['', 'ten', '%', '-5%', '1e1%', '100 %%'])('"%s" is not free space', (text) => {
  expect(() => checkFreeSpace(text)).toThrow('is not free space: write for example 10% or 20G');
});

test.for(['91%', '99.9%'])('%s is rejected: it leaves no space for recordings', (text) => {
  expect(() => checkFreeSpace(text)).toThrow(`'${text}' is more than the limit of 90%`);
});

test.for(['50', '10X'])('%s is not a size either', (text) => {
  expect(() => checkFreeSpace(text)).toThrow('is not a size');
});
