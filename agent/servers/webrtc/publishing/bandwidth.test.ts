import { expect, test } from 'vitest';
import { Bandwidth } from './bandwidth.ts';

type Round = readonly [receivedBitsPerSecond: number, lost: number, queueMs: number];

function after(...rounds: readonly Round[]): number {
  const bandwidth = new Bandwidth();
  for (const round of rounds) {
    bandwidth.update(...round);
  }
  return bandwidth.bitsPerSecond;
}

test('a sender may begin with 3 Mbit/s', () => {
  expect(after()).toBe(3_000_000);
});

test('one that uses its estimate gets more room; one that does not keeps it', () => {
  expect(after([3e6, 0, 5])).toBe(4.5e6);
  expect(after([3e6, 0, 5], [4.4e6, 0, 5])).toBeCloseTo(6.6e6);
  expect(after([0.5e6, 0, 5])).toBe(3e6);
});

test.for([
  ['heavy loss', [2e6, 0.11, 5]],
  ['packets that queue', [2e6, 0, 151]],
] as const)('%s takes it below what has come, and it only creeps for a quarter of a minute', ([, full]) => {
  expect(after(full)).toBe(1.7e6);
  expect(after(full, [1.7e6, 0, 5])).toBeCloseTo(1.7e6 * 1.08);
  const quiet = Array.from({ length: 15 }, (): Round => [1e6, 0, 5]);
  expect(after(full, ...quiet, [1.7e6, 0, 5])).toBeCloseTo(1.7e6 * 1.5);
});

test('some loss changes nothing', () => {
  expect(after([3e6, 0.05, 5])).toBe(3e6);
});

test('it stays within 150 kbit/s and 100 Mbit/s', () => {
  expect(after([1_000, 0.5, 5])).toBe(150_000);
  expect(after([90e6, 0, 5])).toBe(100e6);
});
