import { expect, test } from 'vitest';
import type { Mark } from '../../timeline/lane.ts';
import { clips } from '../../words/en/clips.ts';
import { firstToLoad, nearestRecorded } from '../thumbnail.tsx';
import {
  digestOf,
  eventAt,
  groupEvents,
  groupRuns,
  isStatusEvent,
  labelGroups,
  shownKinds,
  statusEventText,
} from './event-labels.ts';

const at = (startMs: number, lastsMs = 5_000, type = 'motion'): Mark => ({
  id: `${startMs}`,
  type,
  startMs,
  endMs: startMs + lastsMs,
  text: '',
  count: 1,
});

test('several types may share the label of a filter', () => {
  expect(labelGroups(['car', 'motion', 'forklift', 'vehicle'])).toEqual([
    { word: 'Motion', types: ['motion'] },
    { word: 'Vehicle', types: ['car', 'vehicle'] },
    { word: 'forklift', types: ['forklift'] },
  ]);
});

test('objects are shown instead of the motion in which they were found', () => {
  const [person, animal] = [
    { type: 'person', count: 2 },
    { type: 'animal', count: 1 },
  ];
  expect(shownKinds({ type: 'motion', objects: [person, animal] })).toEqual([person, animal]);
  const motion = [{ type: 'motion', count: 1 }];
  expect([shownKinds({ type: 'motion', objects: [] }), shownKinds({ type: 'motion' })]).toEqual([motion, motion]);
  // The camera has named one of them itself.
  expect(shownKinds({ type: 'person', objects: [animal, person] })).toEqual([person, animal]);
  expect(shownKinds({ type: 'doorbell', objects: [animal] })).toEqual([{ type: 'doorbell', count: 1 }, animal]);
});

test('strips load from the first picture, the latest strip first, and more than two pictures of one last', () => {
  let waiting = ['a', 'b'].flatMap((strip) => [0, 1, 2].map((place) => ({ strip, place })));
  const loaded: string[] = [];
  for (let next = firstToLoad(waiting); next; next = firstToLoad(waiting)) {
    const taken = next;
    loaded.push(taken.strip + taken.place);
    waiting = waiting.filter((one) => one !== taken);
  }
  expect(loaded.join(' ')).toBe('b0 b1 a0 a1 b2 a2');
});

test('outages of a camera have a text, and are not detections', () => {
  expect(statusEventText('perch.offline', '12 min', clips)).toBe('Offline for 12 min');
  expect(statusEventText('perch.offline', undefined, clips)).toBe('Offline');
  expect(statusEventText('perch.moved', '5 s', clips)).toBe('New address. No action needed.');
  expect([isStatusEvent({ type: 'perch.moved' }), isStatusEvent({ type: 'perching' })]).toEqual([true, false]);
});

test('the picture belongs to an event from its lead until its end', () => {
  const events = [at(100_000, 60_000), at(300_000, 0)];
  expect(eventAt(events, 97_000, 3_000)).toBe(events[0]);
  expect(eventAt(events, 96_999, 3_000)).toBeUndefined();
  expect(eventAt(events, 159_999, 3_000)).toBe(events[0]);
  expect(eventAt(events, 160_000, 3_000)).toBeUndefined();
  expect(eventAt(events, 309_000, 3_000)).toBe(events[1]);
  const lasting = { startMs: 400_000, endMs: undefined };
  expect(eventAt([lasting], 4_000_000, 3_000)).toBe(lasting);
});

test.for([
  ['the newest', 1_000, ['10 +1', '110 +0', '210 +1']],
  ['one between two others', 150, ['10 +1', '150 +2']],
  ['where nothing was seen yet', -500, ['0 +1', '110 +1', '210 +0']],
] as const)('pictures next to the time do not overlap, and that of the moment is shown: %s', ([, ms, expected]) => {
  const events = [at(0, 0), at(10, 0), at(110, 0), at(150, 0), at(210, 0)];
  const shown = groupEvents(events, 100, ms, 0).map(({ mark, more }) => `${mark.startMs} +${more}`);
  expect(shown).toEqual(expected);
});

test('shortly before an event, that event is kept, not a nearer older one', () => {
  const shown = groupEvents([at(8_000, 0), at(13_000, 0)], 60_000, 10_000, 3_000);
  expect(shown).toEqual([{ mark: at(13_000, 0), more: 1 }]);
  expect(groupEvents([], 60_000, 10_000, 3_000)).toEqual([]);
});

test('a thumbnail shows its moment, or the nearest recorded one within five seconds', () => {
  const span = (startMs: number, endMs: number) => ({ start: '', startMs, endMs });
  const spans = [span(0, 10_000), span(60_000, 90_000)];
  expect(nearestRecorded(spans, 4_000)).toBe(4_000);
  expect(nearestRecorded(spans, 10_000)).toBe(9_800);
  expect(nearestRecorded(spans, 58_000)).toBe(60_001);
  expect(nearestRecorded(spans, 30_000)).toBeUndefined();
  expect(nearestRecorded([], 30_000)).toBeUndefined();
});

const runsOf = (events: readonly (readonly [path: string, startS: number, type?: string])[]) =>
  groupRuns(
    events.map(([path, startS, type = 'motion']) => ({
      ...{ path, type, text: '', startMs: startS * 1000, endMs: startS * 1000 + 5_000 },
    })),
  ).map(({ event, all }) => [event.path, event.startMs / 1000, all.length]);

test('events of one kind and camera within a minute of each other are one entry, at the first of them', () => {
  expect(
    runsOf([
      ['door', 300],
      ['door', 235],
      ['garden', 230],
      ['door', 180],
      ['door', 100, 'person'],
      ['door', 90],
    ]),
  ).toEqual([
    ['garden', 230, 1],
    ['door', 180, 3],
    ['door', 100, 1],
    ['door', 90, 1],
  ]);
});

test('an event in which something else was found is an entry of its own', () => {
  const event = (startS: number, ...types: readonly string[]) => ({
    ...{ path: 'door', type: 'motion', text: '', startMs: startS * 1000, endMs: startS * 1000 + 5_000 },
    objects: types.map((type) => ({ type, count: 1 })),
  });
  const events = [event(90), event(70, 'person', 'animal'), event(50, 'person'), event(30, 'person'), event(10)];
  expect(groupRuns(events).map(({ event: { startMs }, all }) => [startMs / 1000, all.length])).toEqual([
    [90, 1],
    [70, 1],
    [30, 2],
    [10, 1],
  ]);
});

test('an entry holds at most five minutes, and nothing that the box reports of a camera', () => {
  expect(runsOf([10, 9, 8, 7, 6, 5, 4].map((minute) => ['door', minute * 60]))).toEqual([
    ['door', 300, 6],
    ['door', 240, 1],
  ]);
  expect(runsOf([20, 10].map((second) => ['door', second, 'perch.offline']))).toHaveLength(2);
});

test('a digest sums kinds with the same label, and cameras, the largest first', () => {
  const counts = [
    { path: 'yard', type: 'motion', count: 4, labelled: 0 },
    { path: 'door', type: 'car', count: 3, labelled: 0 },
    { path: 'door', type: 'vehicle', count: 2, labelled: 0 },
    // In pictures of the motion.
    { path: 'yard', type: 'vehicle', count: 2, labelled: 2 },
    { path: 'yard', type: 'perch.offline', count: 1, labelled: 0 },
  ];
  expect(digestOf(counts, clips)).toEqual({
    total: 10,
    kinds: [
      ['Vehicle', 7],
      ['Motion', 4],
      ['Offline', 1],
    ],
    paths: [
      ['yard', 5],
      ['door', 5],
    ],
  });
});
