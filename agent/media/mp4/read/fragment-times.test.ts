import { expect, test } from 'vitest';
import type { Sample } from '../../sample/sample.ts';
import { writeFragment } from '../write/fragment.ts';
import { shiftFragment } from './fragment-times.ts';
import { parseFragment } from './read.ts';

const samples = (count: number): Sample[] =>
  Array.from({ length: count }, (_, i) => ({
    pts: i * 10,
    dts: i * 10,
    wall: 0,
    key: i === 0,
    data: Uint8Array.of(i),
  }));

function fragment(times: readonly [number, number]) {
  const runs = times.map((baseTime, track) => ({ track, baseTime, samples: samples(3), endDts: 30 }));
  return Buffer.concat(writeFragment(7, runs));
}

test.for([
  ['a small one', [900_000, 48_000], [90_000, 48_000], [810_000, 0]],
  ['times beyond 32 bits', [2 ** 40 + 5, 2 ** 33], [2 ** 40, 1], [5, 2 ** 33 - 1]],
  ['nothing', [1, 2], [0, 0], [1, 2]],
  ['a track that is not named', [100, 200], [100], [0, 200]],
] as const)('%s is taken off the times of each track', ([, times, ticks, shifted]) => {
  const bytes = fragment(times);
  expect(shiftFragment(bytes, ticks)).toBe(true);
  const parsed = parseFragment(bytes);
  expect(parsed?.runs.map(({ baseTime }) => baseTime)).toEqual(shifted);
  expect(parsed?.runs.map(({ count, sizeBytes }) => [count, sizeBytes])).toEqual([
    [3, 3],
    [3, 3],
  ]);
});

test('a time that would become negative is told', () => {
  expect(shiftFragment(fragment([100, 200]), [100, 201])).toBe(false);
});
