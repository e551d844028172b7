import { expect, onTestFinished, test } from 'vitest';
import { changeZone } from '../../test/support/harness/time-zone.ts';
import { nextDay } from '../words/format.ts';
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

test.for(['America/Santiago', 'Africa/Cairo', 'Asia/Beirut', 'Atlantic/Azores'])(
  'in %s, where clocks change at midnight, days begin at their first moment',
  (name) => {
    onTestFinished(changeZone(name));
    for (let month = 1; month <= 12; month++) {
      const dates = new Date(2026, month, 0).getDate();
      const firsts = Array.from({ length: dates }, (_, i) => day(month, i + 1));
      for (const first of firsts) {
        expect(daysOfMonth(first, 1).days).toEqual(firsts);
        expect(nextDay(first)).toBe(day(month, new Date(first).getDate() + 1));
        expect(monthStart(first, 1)).toBe(day(month + 1, 1));
      }
    }
  },
);

// Not the first of November, which has 25 hours in America.
test('each day has its recorded share, for any length', () => {
  const shares = recordedShares([span(day(11, 11, 12), day(11, 13)), span(day(11, 13, 6), day(11, 13, 12))]);
  expect([...shares.keys()]).toEqual([day(11, 11), day(11, 12), day(11, 13)]);
  expect(shares.get(day(11, 11))).toBe(0.5);
  expect(shares.get(day(11, 12))).toBe(1);
  expect(shares.get(day(11, 13))).toBe(0.25);
});

test('several cameras together have the recorded share of any of them', () => {
  const front = Float64Array.of(day(11, 11), day(11, 11, 12));
  const garden = Float64Array.of(day(11, 11, 6), day(11, 11, 18), day(11, 14), day(11, 14, 6));
  const shares = sharesOfAll([front, garden, new Float64Array()]);
  expect([...shares]).toEqual([
    [day(11, 11), 0.75],
    [day(11, 14), 0.25],
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
