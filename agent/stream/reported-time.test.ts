import { expect, test } from 'vitest';
import { ReportedTime } from './reported-time.ts';

test('the first moment is told as it is, later ones move it by no more than the reach', () => {
  const told = new ReportedTime();
  expect(told.offsetMs(1_000, 51_000, 0)).toBe(50_000);
  expect(told.offsetMs(2_000, 52_080, 0)).toBe(50_000);
  expect(told.offsetMs(2_000, 52_080, 5)).toBe(50_005);
  expect(told.offsetMs(3_000, 52_920, 5)).toBe(50_000);
  expect(told.offsetMs(4_000, 54_002, 5)).toBe(50_002);
});

test('what is more than a second away is another clock: told at once, in both directions', () => {
  const told = new ReportedTime();
  told.offsetMs(0, 50_000, 0);
  expect(told.offsetMs(1_000, 52_001, 0)).toBe(51_001);
  expect(told.offsetMs(2_000, 2_000, 5)).toBe(0);
});
