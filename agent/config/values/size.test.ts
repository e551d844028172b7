import { expect, test } from 'vitest';
import { formatSize, parseSize } from './size.ts';

test.for([
  ['50M', 52_428_800, '50M'],
  ['50mb', 52_428_800, '50M'],
  ['50MiB', 52_428_800, '50M'],
  ['1.5G', 1_610_612_736, '1.5G'],
  ['512K', 524_288, '512K'],
  ['100B', 100, '100B'],
  ['0', 0, '0B'],
  ['0B', 0, '0B'],
  ['1T', 2 ** 40, '1T'],
] as const)('%s is %d bytes and is shown as %s', ([text, bytes, shown]) => {
  expect(parseSize(text)).toBe(bytes);
  expect(formatSize(bytes)).toBe(shown);
});

test.for(['50', '', 'M', '50X', '-1M', '1e3M', '50 M'])('"%s" is not a size', (text) => {
  expect(() => parseSize(text)).toThrow('is not a size: write for example 50M, 512K or 100B');
});

test('a size beyond the limit is rejected', () => {
  expect(() => parseSize('2000T')).toThrow("'2000T' is larger than the limit of 1024T");
});
