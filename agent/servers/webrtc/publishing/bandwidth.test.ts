import { expect, test } from 'vitest';
import { BandwidthEstimator } from '../../../transports/webrtc/receiving/sender-feedback.ts';

type Round = readonly [receivedBitsPerSecond: number, lost: number, queueMs: number];

function after(...rounds: readonly Round[]): number {
  const bandwidth = new BandwidthEstimator();
  for (const round of rounds) {
    bandwidth.update(...round);
  }
  return bandwidth.bitsPerSecond;
}

test('a sender may begin with 1.5 Mbit/s', () => {
  expect(after()).toBe(1_500_000);
});

test('one that uses its estimate gets half as much again; one that does not keeps it', () => {
  expect(after([1.5e6, 0, 5])).toBe(2.25e6);
  expect(after([1.5e6, 0, 5], [2.2e6, 0, 5])).toBeCloseTo(3.3e6);
  expect(after([0.5e6, 0, 5])).toBe(1.5e6);
});

test.for([
  ['heavy loss', [1e6, 0.11, 5]],
  ['packets that queue', [1e6, 0, 151]],
] as const)('%s lowers the estimate below the received bitrate; from then on it grows slowly', ([, full]) => {
  expect(after(full)).toBe(0.85e6);
  expect(after(full, [0.85e6, 0, 5])).toBeCloseTo(0.85e6 * 1.04);
  expect(after(full, [0.5e6, 0, 5])).toBe(0.85e6);
});

test('some loss changes nothing', () => {
  expect(after([3e6, 0.05, 5])).toBe(1.5e6);
});

test('the estimate stays between 150 kbit/s and 100 Mbit/s', () => {
  expect(after([1_000, 0.5, 5])).toBe(150_000);
  expect(after([90e6, 0, 5])).toBe(100e6);
});
