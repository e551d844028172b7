import { expect, test } from 'vitest';
import { ReportedTime } from './reported-time.ts';

test('the first time is reported exactly, as are later ones that differ imperceptibly', () => {
  const reportedTime = new ReportedTime();
  expect(reportedTime.offsetMs(1_000, 51_000, 0)).toBe(50_000);
  expect(reportedTime.offsetMs(2_000, 52_020, 5)).toBe(50_000);
  expect(reportedTime.offsetMs(3_000, 52_980, 5)).toBe(50_000);
});

test('a larger difference is corrected within the limit, and no further than necessary', () => {
  const reportedTime = new ReportedTime();
  reportedTime.offsetMs(0, 50_000, 0);
  expect(reportedTime.offsetMs(1_000, 51_600, 0)).toBe(50_000);
  expect(reportedTime.offsetMs(1_000, 51_600, 5)).toBe(50_005);
  expect(reportedTime.offsetMs(2_000, 51_980, 5)).toBe(50_000);
  expect(reportedTime.offsetMs(3_000, 53_022, 5)).toBe(50_002);
});

test('a difference above a second is another clock and reported at once, in both directions', () => {
  const reportedTime = new ReportedTime();
  reportedTime.offsetMs(0, 50_000, 0);
  expect(reportedTime.offsetMs(1_000, 52_001, 0)).toBe(51_001);
  expect(reportedTime.offsetMs(2_000, 2_000, 5)).toBe(0);
});
