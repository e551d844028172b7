import { expect, test } from 'vitest';
import { formatDuration } from '../../onvif/device/suggestions.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test('a duration is shown in the unit people use', () => {
  const spans: readonly (readonly [ms: number, words: string])[] = [
    [0, '0 seconds'],
    [1_400, '1 second'],
    [59_400, '59 seconds'],
    [59_600, '1 minute'],
    [90_000, '2 minutes'],
    [59.4 * MINUTE, '59 minutes'],
    [59.6 * MINUTE, '1 hour'],
    [3 * HOUR, '3 hours'],
    [23.4 * HOUR, '23 hours'],
    [23.6 * HOUR, '1 day'],
    [1.6 * DAY, '2 days'],
    [30 * DAY, '30 days'],
    [31 * DAY, '1 month'],
    [200 * DAY, '7 months'],
    [364 * DAY, '1 year'],
    [5 * 365.25 * DAY, '5 years'],
    [56.9 * 365.25 * DAY, '57 years'],
  ];
  expect(spans.map(([ms]) => [ms, formatDuration(ms)])).toEqual(spans);
});

test('a negative span has the same length as a positive one', () => {
  expect(formatDuration(-3 * HOUR)).toBe('3 hours');
});
