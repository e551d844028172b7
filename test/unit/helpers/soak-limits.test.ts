import { expect, test } from 'vitest';
import { grown, type Kept } from '../../system/soak/soak-limits.ts';

const FIRST: Kept = {
  heapBytes: 31_000_000,
  objectBytes: 16_000_000,
  buffersBytes: 2_200_000,
  sockets: 19,
  timers: 4,
  resources: 25,
  descriptors: 46,
  listeners: 196,
};

const looks = (second: Partial<Kept>, last: Partial<Kept>): [Kept, Kept, Kept] => [
  FIRST,
  { ...FIRST, ...second },
  { ...FIRST, ...last },
];

test('what V8 compiles, less and less of it, and another slab are no growth', () => {
  expect(grown(looks({ heapBytes: 32_000_000 }, { heapBytes: 32_700_000 }))).toEqual([]);
  expect(grown(looks({}, { heapBytes: 31_300_000, objectBytes: 16_100_000, buffersBytes: 2_600_000 }))).toEqual([]);
  expect(grown(looks({}, { descriptors: 47 }))).toEqual([]);
});

test.for([
  ['heapBytes', 32_000_000, 33_000_000],
  ['heapBytes', 31_000_000, 31_400_000],
  ['objectBytes', 16_100_000, 16_200_000],
  ['buffersBytes', 2_500_000, 2_800_000],
  ['sockets', 19, 20],
  ['timers', 4, 5],
  ['resources', 25, 26],
  ['descriptors', 47, 48],
  ['listeners', 200, 204],
] as const)('%s of %i, then %i, is growth', ([key, second, last]) => {
  expect(grown(looks({ [key]: second }, { [key]: last }))).toEqual([`${key}: ${FIRST[key]}, ${second}, ${last}`]);
});
