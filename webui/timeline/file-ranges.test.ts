import { expect, test } from 'vitest';
import {
  type FileRange,
  fileRangeAt,
  isGone,
  MAX_RANGE_MS,
  momentAgo,
  momentToKeep,
  nearestRecordedMoment,
  nextFileRange,
} from './file-ranges.ts';

const MINUTE = 60_000;
const T = Date.UTC(2026, 10, 17, 12);
const first = { start: '2026-11-17T13:00:00.000321+01:00', startMs: T, endMs: T + 25 * MINUTE };
const second = { start: '2026-11-17T13:40:00+01:00', startMs: T + 40 * MINUTE, endMs: T + 41 * MINUTE };
const spans = [first, second];

test('a moment plays from up to five and a half minutes before it, at most ten minutes', () => {
  expect(fileRangeAt(spans, T + 8 * MINUTE)).toEqual({
    start: '2026-11-17T12:05:00.000Z',
    startMs: T + 5 * MINUTE,
    endMs: T + 5 * MINUTE + MAX_RANGE_MS,
  });
});

test('a time-lapse has ranges as long as they take to play', () => {
  const day = { start: '2026-11-17T00:00:00Z', startMs: T - 720 * MINUTE, endMs: T + 720 * MINUTE };
  const range = fileRangeAt([day], day.startMs, 240) as FileRange;
  expect(range.endMs).toBe(day.startMs + 15 * MAX_RANGE_MS);
  expect(nextFileRange([day], range, 1440)).toMatchObject({
    startMs: range.endMs,
    endMs: range.endMs + 90 * MAX_RANGE_MS,
  });
  expect(fileRangeAt([day], day.startMs, 16)?.endMs).toBe(day.startMs + MAX_RANGE_MS);
});

test('small steps stay in the same file', () => {
  const at = fileRangeAt(spans, T + 11 * MINUTE);
  expect(fileRangeAt(spans, T + 11 * MINUTE - 10_000)).toEqual(at);
  expect(fileRangeAt(spans, T + 12 * MINUTE)).toEqual(at);
  expect(fileRangeAt(spans, T + 10 * MINUTE)?.startMs).toBeLessThanOrEqual(T + 9.5 * MINUTE);
});

test("the start of a span is requested with the box's microseconds", () => {
  expect(fileRangeAt(spans, T)?.start).toBe(first.start);
  expect(fileRangeAt(spans, T - MINUTE)?.start).toBe(first.start);
});

test('in a gap the next recording plays', () => {
  expect(fileRangeAt(spans, T + 30 * MINUTE)).toEqual({ ...second });
});

test('after all recordings the last one plays', () => {
  expect(fileRangeAt(spans, T + 90 * MINUTE)).toMatchObject({ endMs: second.endMs });
});

test('ranges follow each other to the end of the span, then after the gap, then none', () => {
  const starts: number[] = [];
  for (let range = fileRangeAt(spans, T); range; range = nextFileRange(spans, range)) {
    starts.push((range.startMs - T) / MINUTE);
  }
  expect(starts).toEqual([0, 10, 20, 40]);
});

test('a new recording follows the last range', () => {
  const last = fileRangeAt(spans, T + 40 * MINUTE);
  if (!last) {
    throw new Error('nothing to play');
  }
  expect(nextFileRange(spans, last)).toBeUndefined();
  const grown = [first, { ...second, endMs: second.endMs + 15_000 }];
  expect(nextFileRange(grown, last)).toMatchObject({ startMs: second.endMs, endMs: second.endMs + 15_000 });
});

test('a minute ago counts from the newest recording, with any browser clock', () => {
  expect(momentAgo(spans, 60)).toBe(second.endMs - MINUTE);
  expect(momentAgo([], 60)).toBeUndefined();
  expect(fileRangeAt([], T)).toBeUndefined();
});

test('a minute ago is never in a gap: the next recording starts instead', () => {
  const back = { ...second, endMs: second.startMs + 20_000 };
  expect(momentAgo([first, back], 60)).toBe(back.startMs + 1);
  expect(momentAgo([back], 60)).toBe(back.startMs + 1);
  expect(momentAgo([first, back], 17 * 60)).toBe(back.endMs - 17 * MINUTE);
});

test('another camera keeps the moment, except at the newest recording', () => {
  expect(momentToKeep(spans, T)).toBe(T);
  expect(momentToKeep(spans, second.endMs - MINUTE)).toBeUndefined();
  expect(momentToKeep(spans, second.endMs + MINUTE)).toBeUndefined();
  expect([momentToKeep([], T), momentToKeep(spans, undefined)]).toEqual([T, undefined]);
});

test('a moment is gone if nothing within fifteen seconds is recorded; after the newest it may come yet', () => {
  const moments = [T - 16_000, T - 14_000, T + MINUTE, T + 30 * MINUTE, T + 40 * MINUTE - 3_000, T + 60 * MINUTE];
  expect(moments.map((ms) => isGone(spans, ms))).toEqual([true, false, false, true, false, false]);
  expect(isGone([], T)).toBe(false);
});

test('the nearest recording to a moment begins after it or ends before it', () => {
  expect(nearestRecordedMoment(spans, T - MINUTE)).toBe(T + 1);
  expect(nearestRecordedMoment(spans, T + 27 * MINUTE)).toBe(T + 25 * MINUTE - 5_000);
  expect(nearestRecordedMoment(spans, T + 39 * MINUTE)).toBe(T + 40 * MINUTE + 1);
  expect(nearestRecordedMoment(spans, T + MINUTE)).toBe(T + MINUTE);
  expect(nearestRecordedMoment([], T)).toBeUndefined();
});
