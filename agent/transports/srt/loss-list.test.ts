import { expect, test } from 'vitest';
import { hex } from '../../../test/support/media/units.ts';
import { LossList, readRanges } from './loss-list.ts';

const read = (bytes: string) => {
  const ranges: [number, number][] = [];
  readRanges(Buffer.from(hex(bytes)), 0, (first, last) => ranges.push([first, last]));
  return ranges;
};

const INTERVAL_US = 80_000;

function written(list: LossList, nowUs = INTERVAL_US): string {
  const to = Buffer.alloc(64);
  return to.toString('hex', 0, list.write(to, 0, INTERVAL_US, nowUs));
}

// Appendix A: the first bit marks the start of a range.
test.for([
  ['00000005', [[5, 5]]],
  ['80000005 00000009', [[5, 9]]],
  [
    '00000002 80000005 00000009 00000011',
    [
      [2, 2],
      [5, 9],
      [17, 17],
    ],
  ],
  ['ffffffff 00000001', [[0x7fffffff, 1]]],
] as const)('the loss list %s', ([bytes, ranges]) => {
  expect(read(bytes)).toEqual(ranges);
});

test.for([
  ['a range without end', '00000002 80000005', [[2, 2]]],
  ['a range that ends before it begins', '80000009 00000005', []],
  ['a range whose end begins a range', '80000005 80000009', []],
  ['a word that is cut', '00000002 0000', [[2, 2]]],
] as const)('%s ends the list', ([, bytes, ranges]) => {
  expect(read(bytes)).toEqual(ranges);
});

test('packets that arrive split and shorten ranges', () => {
  const list = new LossList();
  list.append(10, 14, 0);
  list.append(20, 21, 0);
  expect([list.remove(12), list.remove(12), list.remove(10), list.remove(14), list.remove(9)]).toEqual([
    ...[true, false, true, true, false],
  ]);
  expect(written(list)).toBe('0000000b0000000d8000001400000015');
  expect(list.first).toBe(11);
});

test('a drop request removes parts of ranges', () => {
  const list = new LossList();
  list.append(10, 14, 0);
  list.append(20, 24, 0);
  list.append(30, 34, 0);
  list.removeRange(13, 31);
  expect(written(list)).toBe('8000000a0000000c8000002000000022');
  list.removeRange(33, 33);
  expect(written(list, 2 * INTERVAL_US)).toBe('8000000a0000000c0000002000000022');
});

test('each range is reported again twice after the interval, then after half of it', () => {
  const list = new LossList();
  list.append(10, 10, 0);
  list.append(20, 20, 30_000);
  const reports: [number, string][] = [];
  for (let ms = 10; ms <= 200; ms += 10) {
    const bytes = written(list, 1000 * ms);
    if (bytes !== '') {
      reports.push([ms, bytes]);
    }
  }
  const [ten, twenty] = ['0000000a', '00000014'];
  expect(reports).toEqual([
    [80, ten],
    [110, twenty],
    [160, ten],
    [190, twenty],
    [200, ten],
  ]);
});

test('reports that do not fit come with the next one', () => {
  const list = new LossList();
  for (let number = 0; number < 40; number += 2) {
    list.append(number, number, 0);
  }
  expect([written(list).length / 8, written(list).length / 8, written(list)]).toEqual([15, 5, '']);
});

test('ranges before a number go, also across the wrap', () => {
  const list = new LossList();
  list.append(0x7ffffff0, 0x7ffffff4, 0);
  list.append(0x7ffffffa, 5, 0);
  list.removeBefore(2);
  expect(written(list)).toBe('8000000200000005');
  list.removeBefore(6);
  expect(list.first).toBeUndefined();
});
