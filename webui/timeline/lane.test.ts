import { expect, test } from 'vitest';
import {
  adjacentMark,
  buildLane,
  coveredOf,
  firstBehind,
  histogram,
  isCovered,
  type Mark,
  type TimelineAnswer,
} from './lane.ts';

const T = Date.UTC(2026, 10, 17, 12);
const answer = (more: Partial<TimelineAnswer>): TimelineAnswer => ({
  from: new Date(T).toISOString(),
  to: new Date(T + 3_600_000).toISOString(),
  coverage: [],
  archived: [],
  reasons: [],
  events: [],
  eventCounts: [],
  protected: [],
  ...more,
});
const mark = (startMs: number, endMs = startMs + 5_000, count = 1): Mark => ({
  ...{ id: String(startMs), type: 'motion', startMs, endMs, text: '', count },
});

test('responses of neighbouring periods are merged, and an event in both appears once', () => {
  const event = { id: 'a', type: 'motion', text: '', duration: 20 };
  const second = answer({
    ...{ coverage: [[0, 60]], archived: [[0, 60]] },
    ...{ events: [{ ...event, at: -10 }], protected: [{ at: 0, duration: 5 }] },
  });
  const lane = buildLane(
    [
      { ...second, from: new Date(T + 3_600_000).toISOString() },
      answer({
        coverage: [
          [0, 1800],
          [3000, 600],
        ],
        archived: [[3000, 600]],
        fetched: [[600, 60]],
        events: [{ ...event, at: 3590 }],
      }),
    ],
    T,
  );
  expect([...lane.covered]).toEqual([T, T + 1_800_000, T + 3_000_000, T + 3_660_000]);
  expect([...lane.archived]).toEqual([T + 3_000_000, T + 3_660_000]);
  expect([...lane.fetched]).toEqual([T + 600_000, T + 660_000]);
  expect([...lane.kept]).toEqual([T + 3_600_000, T + 3_605_000]);
  expect(lane.events).toEqual([
    { ...{ id: 'a', type: 'motion', text: '', count: 1 }, startMs: T + 3_590_000, endMs: T + 3_610_000 },
  ]);
});

test('a lane knows whether its events are counted, and has no events of the box itself', () => {
  const moved = { id: 'a', type: 'perch.moved', at: 5, duration: 5, text: '' };
  const counts = [
    { type: 'motion', at: 10, duration: 60, count: 7 },
    { type: 'perch.moved', at: 10, duration: 60, count: 2 },
  ];
  expect(buildLane([answer({ events: [moved] })], T)).toMatchObject({ events: [], isCounted: false });
  const counted = buildLane([answer({}), answer({ eventCounts: counts })], T);
  expect([counted.isCounted, counted.events.map(({ type, count }) => [type, count])]).toEqual([true, [['motion', 7]]]);
});

test('an event with a label is counted once, and is among the objects', () => {
  const counts = [
    { type: 'motion', at: 10, duration: 60, count: 7 },
    { type: 'person', at: 10, duration: 60, count: 5, labelled: 3 },
    { type: 'animal', at: 20, duration: 60, count: 2, labelled: 2 },
  ];
  const { events, objects } = buildLane([answer({ eventCounts: counts })], T);
  const numbers = (marks: readonly Mark[]) => marks.map(({ type, count }) => [type, count]);
  expect(numbers(events)).toEqual([
    ['motion', 7],
    ['person', 2],
  ]);
  expect(numbers(objects)).toEqual([
    ['person', 5],
    ['animal', 2],
  ]);
});

test('an event that continues ends now', () => {
  const lane = buildLane(
    [answer({ events: [{ id: 'a', type: 'motion', at: 5, duration: null, text: '' }] })],
    T + 9_000,
  );
  expect(lane.events[0]).toMatchObject({ startMs: T + 5_000, endMs: T + 9_000 });
});

test('events with objects are told from plain motion', () => {
  const event = (id: string, type: string, labels?: readonly string[]) => ({
    ...{ id, type, at: 5, duration: 1, text: '', ...(labels && { labels }) },
  });
  const { events, objects } = buildLane(
    [answer({ events: [event('a', 'motion'), event('b', 'motion', ['vehicle']), event('c', 'person')] })],
    T,
  );
  expect(events.map((one) => one.objects)).toEqual([undefined, [{ type: 'vehicle', count: 1 }], undefined]);
  expect(objects).toEqual(events.slice(1));
});

test('the recording of a moment is found among thousands', () => {
  const spans = Array.from({ length: 5_000 }, (_, i) => ({
    start: '',
    startMs: T + i * 10_000,
    endMs: T + i * 10_000 + 4_000,
  }));
  const covered = coveredOf(spans);
  expect(covered.length).toBe(10_000);
  expect(isCovered(covered, T + 30_003_999)).toBe(true);
  expect(isCovered(covered, T + 30_004_000)).toBe(false);
  expect(isCovered(covered, T - 1)).toBe(false);
  expect(isCovered(covered, T + 60_000_000)).toBe(false);
  expect(covered[firstBehind(covered, T + 30_004_000)]).toBe(T + 30_010_000);
  expect(firstBehind(covered, T + 60_000_000)).toBe(10_000);
});

test('next and previous lead from mark to mark, although playback starts 3 s before', () => {
  const events = [mark(T), mark(T + 60_000), mark(T + 120_000)];
  const next = adjacentMark(events, T - 3_000, 1, 3_000);
  expect(next?.startMs).toBe(T + 60_000);
  expect(adjacentMark(events, T + 57_000, -1, 3_000)?.startMs).toBe(T);
  expect(adjacentMark(events, T + 60_000, -1, 3_000)?.startMs).toBe(T + 60_000);
  expect(adjacentMark(events, T + 117_000, 1, 3_000)).toBeUndefined();
  expect(adjacentMark([], T, -1, 3_000)).toBeUndefined();
});

test('the comb has the share of events in each column, and events outside change nothing', () => {
  const columns = histogram(
    [mark(T + 60_000, T + 90_000), mark(T - 9_000), mark(T + 130_000, T + 400_000)],
    T,
    60_000,
    new Float32Array(3),
  );
  expect([...columns].map((value) => Number(value.toFixed(2)))).toEqual([0, 0.5, 0.83]);
});
