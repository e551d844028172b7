import { expect, test } from 'vitest';
import {
  daysOfMonth,
  firstOfDay,
  firstWeekdayOf,
  monthStart,
  nearestDay,
  recordedShares,
  sharesOfAll,
} from './calendar-days.ts';

const day = (month: number, date: number, hour = 0): number => new Date(2026, month - 1, date, hour).getTime();
const span = (startMs: number, endMs: number) => ({ start: new Date(startMs).toISOString(), startMs, endMs });

test('a month has its days, and its first week starts on the day of the locale', () => {
  const november = daysOfMonth(day(11, 17, 16), 1);
  expect(november.days).toHaveLength(30);
  expect(november.days[0]).toBe(day(11, 1));
  expect(november.before).toBe(6);
  expect(daysOfMonth(day(11, 1), 0).before).toBe(0);
  expect(daysOfMonth(day(2, 10), 1).days.at(-1)).toBe(day(2, 28));
});

test('the months next to the 31st are correct, also across the end of a year', () => {
  expect(monthStart(day(10, 31), 1)).toBe(day(11, 1));
  expect(monthStart(day(3, 31), -1)).toBe(day(2, 1));
  expect(monthStart(day(12, 5), 1)).toBe(new Date(2027, 0, 1).getTime());
});

test('each day has its recorded share, for any length', () => {
  const shares = recordedShares([span(day(11, 1, 12), day(11, 3)), span(day(11, 3, 6), day(11, 3, 12))]);
  expect([...shares.keys()]).toEqual([day(11, 1), day(11, 2), day(11, 3)]);
  expect(shares.get(day(11, 1))).toBe(0.5);
  expect(shares.get(day(11, 2))).toBe(1);
  expect(shares.get(day(11, 3))).toBe(0.25);
});

test('several cameras together have the recorded share of any of them', () => {
  const front = Float64Array.of(day(11, 1), day(11, 1, 12));
  const garden = Float64Array.of(day(11, 1, 6), day(11, 1, 18), day(11, 4), day(11, 4, 6));
  const shares = sharesOfAll([front, garden, new Float64Array()]);
  expect([...shares]).toEqual([
    [day(11, 1), 0.75],
    [day(11, 4), 0.25],
  ]);
});

test('the nearest day with recordings and the first recorded moment of a day are known', () => {
  expect(nearestDay([day(11, 1), day(11, 9)], day(11, 6))).toBe(day(11, 9));
  expect(nearestDay([], day(11, 6))).toBeUndefined();
  const spans = [span(day(11, 1, 12), day(11, 2, 3)), span(day(11, 4, 5), day(11, 4, 6))];
  expect(firstOfDay(spans, day(11, 2))).toBe(day(11, 2));
  expect(firstOfDay(spans, day(11, 4))).toBe(day(11, 4, 5));
  expect(firstOfDay(spans, day(11, 3))).toBeUndefined();
});

test.for([
  ['en-GB', 1],
  ['en-US', 0],
  ['ar-EG', 6],
] as const)('weeks in %s start on day %i', ([locale, weekday]) => {
  expect(firstWeekdayOf(locale)).toBe(weekday);
});
