import { expect, test } from 'vitest';
import { LossWatch } from './session.ts';

/** The loss reported over half-second ticks of 50 packets; `lostOf(i)` of them are lost in tick `i`. */
function watch(ticks: number, lostOf: (i: number) => number): (number | undefined)[] {
  const loss = new LossWatch();
  let packets = 0;
  let lost = 0;
  return Array.from({ length: ticks }, (_, i) => {
    lost += lostOf(i);
    packets += 50 - lostOf(i);
    return loss.tick(i * 500, packets, lost);
  });
}

test('a loss of 2 % over ten seconds is reported', () => {
  const shares = watch(22, () => 1);
  expect(shares.slice(0, 20)).toEqual(new Array(20).fill(undefined));
  expect(shares[20]).toBeCloseTo(0.02);
});

test.for<[string, (i: number) => number]>([
  ['none', () => 0],
  ['five of a thousand', (i) => (i % 4 === 0 ? 1 : 0)],
  ['a few, long ago', (i) => (i < 3 ? 1 : 0)],
])('a loss of %s is tolerated', ([, lostOf]) => {
  expect(watch(60, lostOf).every((share) => share === undefined)).toBe(true);
});
