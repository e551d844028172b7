import { expect, test } from 'vitest';
import { isHours, isWithinHours } from './hours.ts';

const minuteOf = (time: string): number => 60 * Number(time.slice(0, 2)) + Number(time.slice(3));

test.for([
  ['22:00-06:00', ['22:00', '00:00', '05:59'], ['21:59', '06:00', '12:00']],
  ['08:00-12:00', ['08:00', '11:59'], ['07:59', '12:00', '00:00']],
  ['', ['12:00'], []],
  ['03:00-03:00', ['02:59', '03:00', '12:00'], []],
] as const)('hours %s', ([hours, within, outside]) => {
  expect(isHours(hours)).toBe(true);
  expect(within.filter((time) => !isWithinHours(hours, minuteOf(time)))).toEqual([]);
  expect(outside.filter((time) => isWithinHours(hours, minuteOf(time)))).toEqual([]);
});

test.for(['22-6', '24:00-06:00', '22:00', '22:00-06:00 ', '22:00-06:60'])('%j are no hours', (text) => {
  expect(isHours(text)).toBe(false);
});
