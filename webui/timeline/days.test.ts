import { expect, test } from 'vitest';
import { hourRows, recordedDays, withinDay } from './days.ts';

/** Local time, as people see it: the tests hold in any zone of whole hours. */
const at = (day: number, hour: number, minute = 0): number => new Date(2026, 10, day, hour, minute).getTime();
const span = (startMs: number, endMs: number) => ({ start: new Date(startMs).toISOString(), startMs, endMs });
const midnight = (day: number): number => at(day, 0);

const spans = [span(at(15, 9), at(15, 10, 30)), span(at(16, 22, 15), at(17, 1, 20)), span(at(17, 3), at(17, 3, 5))];

test('days with recordings are there once, newest first', () => {
  expect(recordedDays(spans)).toEqual([midnight(17), midnight(16), midnight(15)]);
});

test('a span that ends at midnight is not on the next day', () => {
  expect(recordedDays([span(at(16, 20), at(17, 0))])).toEqual([midnight(16)]);
});

test('what goes over midnight is cut there', () => {
  expect(withinDay(spans, midnight(17))).toEqual([
    { startMs: at(17, 0), endMs: at(17, 1, 20) },
    { startMs: at(17, 3), endMs: at(17, 3, 5) },
  ]);
});

test('rows are cut at the full hours, newest first', () => {
  expect(hourRows(spans, midnight(16))).toEqual([
    { startMs: at(16, 23), endMs: at(17, 0) },
    { startMs: at(16, 22, 15), endMs: at(16, 23) },
  ]);
});

test('a whole day has as many rows as hours, and they touch', () => {
  const rows = hourRows([span(at(15, 12), at(19, 12))], midnight(17)).reverse();
  expect(rows).toHaveLength(24);
  expect(rows.map(({ startMs }) => startMs).slice(1)).toEqual(rows.map(({ endMs }) => endMs).slice(0, -1));
});

test('nothing recorded has no days and no rows', () => {
  expect(recordedDays([])).toEqual([]);
  expect(hourRows([], midnight(17))).toEqual([]);
});
