import { expect, test } from 'vitest';
import type { TimetableEntry } from './keys.ts';
import { changesAround } from './timetable.ts';

const ZONE = 'Europe/Berlin';
const WORK: readonly TimetableEntry[] = [
  { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '08:00', mode: 'away' },
  { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '17:30', mode: 'home' },
  { days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '22:30', mode: 'night' },
];

const around = (now: string, entries = WORK, zone = ZONE) => {
  const { last, next } = changesAround(entries, zone, Date.parse(now));
  const text = (change: typeof last) => change && `${change.mode} ${new Date(change.atMs).toISOString()}`;
  return [text(last), text(next)];
};

test('the mode of a working day begins and ends at local time', () => {
  // A Monday in winter: an hour ahead of UTC.
  expect(around('2026-11-23T07:00:00Z')).toEqual(['away 2026-11-23T07:00:00.000Z', 'home 2026-11-23T16:30:00.000Z']);
  expect(around('2026-11-23T06:59:59.999Z')).toEqual([
    'night 2026-11-22T21:30:00.000Z',
    'away 2026-11-23T07:00:00.000Z',
  ]);
});

test('the weekend continues the last mode of Friday', () => {
  expect(around('2026-11-28T12:00:00Z')).toEqual(['night 2026-11-27T21:30:00.000Z', 'night 2026-11-28T21:30:00.000Z']);
});

test('times follow the change to summer time and back', () => {
  // 2026-03-29 and 2026-10-25 are the Sundays of the changes.
  expect(around('2026-03-29T12:00:00Z')[1]).toBe('night 2026-03-29T20:30:00.000Z');
  expect(around('2026-10-25T12:00:00Z')[1]).toBe('night 2026-10-25T21:30:00.000Z');
});

test('a time skipped in spring applies at the equivalent moment, and one repeated in autumn applies once', () => {
  const early: TimetableEntry[] = [{ days: ['sun'], from: '02:30', mode: 'home' }];
  expect(around('2026-03-28T12:00:00Z', early)[1]).toBe('home 2026-03-29T01:30:00.000Z');
  expect(around('2026-10-25T00:00:00Z', early)[1]).toBe('home 2026-10-25T00:30:00.000Z');
  expect(around('2026-10-25T00:45:00Z', early)).toEqual([
    'home 2026-10-25T00:30:00.000Z',
    'home 2026-11-01T01:30:00.000Z',
  ]);
});

test('a single entry per week is found a week back and a week ahead', () => {
  const weekly: TimetableEntry[] = [{ days: ['mon'], from: '08:00', mode: 'away' }];
  expect(around('2026-11-23T06:59:00Z', weekly)).toEqual([
    'away 2026-11-16T07:00:00.000Z',
    'away 2026-11-23T07:00:00.000Z',
  ]);
});

test('the later of two entries at the same time counts', () => {
  const twice: TimetableEntry[] = [
    { days: ['mon'], from: '08:00', mode: 'away' },
    { days: ['mon'], from: '08:00', mode: 'home' },
  ];
  expect(around('2026-11-23T07:00:00Z', twice)[0]).toBe('home 2026-11-23T07:00:00.000Z');
  expect(around('2026-11-23T06:00:00Z', twice)[1]).toBe('home 2026-11-23T07:00:00.000Z');
});

test('no entries, no changes', () => {
  expect(around('2026-11-23T07:00:00Z', [])).toEqual([undefined, undefined]);
});
