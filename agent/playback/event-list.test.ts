import { join } from 'node:path';
import { expect, test } from 'vitest';
import { threadCpuMs } from '../../test/support/base/thread-cpu.ts';
import { record, temporaryFolder, WALL } from '../../test/support/disks/recordings.ts';
import { openPlayback } from '../../test/support/harness/playback.ts';
import type { LabelType } from '../base/event-kinds.ts';
import { silentLogger } from '../base/log.ts';
import type { EventArea } from '../record/events/event.ts';
import { type SeenMark, SeenMarks } from '../record/events/seen-marks.ts';
import { gapsName } from '../record/gaps/gap-reason.ts';
import { type EventPage, eventDigest, eventPage } from './event-list.ts';
import { SegmentIndex } from './index/segment-index.ts';
import { type EventListRequest, eventListQuery } from './read/query.ts';

const SECOND = 1_000_000;
const DAY = { from: '2026-07-01T00:00:00Z', to: '2026-07-02T00:00:00Z' };
const START_US = Date.parse(DAY.from) * 1000;
const NOTHING = { path: undefined, types: undefined, before: undefined, limit: undefined, unseen: undefined };

function openList() {
  const index = new SegmentIndex(':memory:', (error) => {
    throw error;
  });
  const catalog = { index, refresh: async () => {} };
  const everybody = () => true;
  return {
    /** Adds an event. @param at its start in seconds of the day */
    add(path: string, id: string, at: number, { type = 'motion', lasts = 5 as number | null, text = '' } = {}) {
      const startUs = START_US + at * SECOND;
      const endUs = lasts === null ? undefined : startUs + lasts * SECOND;
      index.events.addEvent({ id, path, type, startUs, endUs, text });
    },
    /** Adds motion with labels. */
    addLabelled(id: string, at: number, labels: readonly LabelType[], type = 'motion') {
      const startUs = START_US + at * SECOND;
      const found = labels.map((label) => ({ type: label, score: 0.5, box: AREA, at: startUs + SECOND }));
      index.events.addEvent({ id, path: 'door', type, startUs, endUs: startUs + SECOND, text: '', labels: found });
    },
    events: index.events,
    /** The event again. */
    addArea: (area: EventArea) =>
      index.events.addEvent({
        id: 'a',
        path: 'door',
        type: 'motion',
        startUs: START_US,
        endUs: START_US,
        text: '',
        area,
      }),
    list: (query: Partial<EventListRequest> = {}, maySee: (path: string) => boolean = everybody, seen?: SeenMark) =>
      eventPage(catalog, eventListQuery({ ...NOTHING, ...DAY, ...query }), maySee, 'UTC', seen),
    digest: (maySee: (path: string) => boolean = everybody) => {
      const { from, to } = eventListQuery({ ...NOTHING, ...DAY });
      return from && eventDigest(catalog, { from, to }, maySee).items;
    },
    [Symbol.dispose]: () => index.close(),
  };
}

const AREA = { x: 0.25, y: 0.5, width: 0.125, height: 0.25 };
const idsOf = ({ items }: EventPage) => items.map(({ id }) => id);

test('events of a zone, and the zones of the period; an outage is in none', async () => {
  using box = openList();
  const add = (id: string, at: number, ...zones: string[]) => {
    const startUs = START_US + at * SECOND;
    box.events.addEvent({ id, path: 'door', type: 'motion', startUs, endUs: startUs, text: '', zones });
  };
  add('a', 10, 'Drive');
  add('b', 20, 'Porch', 'Drive');
  add('c', 30);
  box.add(gapsName('door'), 'away', 40, { type: 'offline', lasts: 90 });
  const all = await box.list();
  expect([idsOf(all), all.zones]).toEqual([
    ['away', 'c', 'b', 'a'],
    ['Drive', 'Porch'],
  ]);
  const drive = await box.list({ zone: 'Drive', limit: '1' });
  expect(idsOf(drive)).toEqual(['b']);
  expect(idsOf(await box.list({ zone: 'Drive', limit: '1', before: drive.next ?? '' }))).toEqual(['a']);
  expect(idsOf(await box.list({ zone: 'Drive', types: 'person' }))).toEqual([]);
});

test('an event has the latest area that was reported', async () => {
  using box = openList();
  box.add('door', 'a', 0);
  const area = { x: 0.25, y: 0.5, width: 0.125, height: 0.25 };
  box.addArea(area);
  expect((await box.list()).items).toMatchObject([{ id: 'a', area: { ...area, direction: null } }]);
  box.addArea({ ...area, direction: 'left' });
  expect((await box.list()).items).toMatchObject([{ id: 'a', area: { ...area, direction: 'left' } }]);
});

test('an event has the latest labels; those of an event that was not examined are null', async () => {
  using box = openList();
  box.add('door', 'a', 0);
  expect((await box.list()).items).toMatchObject([{ labels: null }]);
  box.addLabelled('a', 0, []);
  expect((await box.list()).items).toMatchObject([{ labels: [] }]);
  box.addLabelled('a', 0, ['person', 'person', 'vehicle']);
  const label = { score: 0.5, box: AREA, at: '2026-07-01T00:00:01Z' };
  const all = ['person', 'person', 'vehicle'].map((type) => ({ type, ...label }));
  expect((await box.list()).items).toEqual([expect.objectContaining({ id: 'a', type: 'motion', labels: all })]);
  box.addLabelled('a', 0, ['animal']);
  expect((await box.list()).items).toMatchObject([{ labels: [{ type: 'animal' }] }]);
  expect((await box.list({ types: 'person' })).items).toEqual([]);
  box.add('door', 'a', 0);
  expect((await box.list()).items).toMatchObject([{ labels: null }]);
});

test('a filter matches the type of an event and those of its labels, and shows the event once', async () => {
  using box = openList();
  box.addLabelled('both', 500, ['person', 'vehicle']);
  box.addLabelled('empty', 400, []);
  box.add('door', 'camera', 300, { type: 'person' });
  box.addLabelled('twice', 200, ['person'], 'person');
  box.addLabelled('cat', 100, ['animal']);
  box.add('yard', 'plain', 50);
  const ids = async (types: string, limit?: string) => idsOf(await box.list({ types, limit }));
  expect(await ids('person')).toEqual(['both', 'camera', 'twice']);
  expect(await ids('vehicle')).toEqual(['both']);
  expect(await ids('motion')).toEqual(['both', 'empty', 'cat', 'plain']);
  expect(await ids('animal,motion,person')).toEqual(['both', 'empty', 'camera', 'twice', 'cat', 'plain']);
  const first = await box.list({ types: 'person', limit: '1' });
  const second = await box.list({ types: 'person', limit: '1', before: first.next ?? '' });
  const third = await box.list({ types: 'person', limit: '1', before: second.next ?? '' });
  expect([first, second, third].map(idsOf)).toEqual([['both'], ['camera'], ['twice']]);
  expect([first.types, third.next]).toEqual([['animal', 'motion', 'person', 'vehicle'], null]);
});

test('an event counts once for its type and once for each type of its labels', async () => {
  using box = openList();
  box.addLabelled('a', 100, ['person', 'person', 'vehicle']);
  box.addLabelled('b', 200, ['person'], 'person');
  box.add('door', 'c', 300);
  const counts = box.digest()?.map(({ type, count, labelled }) => [type, [count, labelled]]);
  expect(Object.fromEntries(counts ?? [])).toEqual({ motion: [2, 0], person: [2, 1], vehicle: [1, 1] });
});

test('deleted events leave no labels', async () => {
  using box = openList();
  box.addLabelled('a', 100, ['person']);
  box.events.removeEventsWithin('door', START_US, START_US + 1000 * SECOND);
  box.add('door', 'a', 100);
  expect((await box.list()).items).toMatchObject([{ id: 'a', labels: null }]);
  expect((await box.list()).types).toEqual(['motion']);
});

test('events of several cameras are one list, newest first', async () => {
  using box = openList();
  box.add('door', 'a', 100, { text: 'a fox' });
  box.add('yard', 'b', 200, { type: 'person', lasts: null });
  box.add('door', 'c', 300);
  box.add('door', 'yesterday', -1);
  box.add('door', 'tomorrow', 86_400);
  box.add('', 'disk', 150, { type: 'disk' });
  expect(await box.list()).toEqual({
    items: [
      {
        id: 'c',
        path: 'door',
        type: 'motion',
        text: '',
        area: null,
        labels: null,
        zones: null,
        picture: null,
        seen: null,
        start: '2026-07-01T00:05:00Z',
        end: '2026-07-01T00:05:05Z',
      },
      {
        id: 'b',
        path: 'yard',
        type: 'person',
        text: '',
        area: null,
        labels: null,
        zones: null,
        picture: null,
        seen: null,
        start: '2026-07-01T00:03:20Z',
        end: null,
      },
      {
        id: 'a',
        path: 'door',
        type: 'motion',
        text: 'a fox',
        area: null,
        labels: null,
        zones: null,
        picture: null,
        seen: null,
        start: '2026-07-01T00:01:40Z',
        end: '2026-07-01T00:01:45Z',
      },
    ],
    next: null,
    types: ['motion', 'person'],
    zones: [],
  });
  expect(idsOf(await box.list({ types: 'person,sound' }))).toEqual(['b']);
  expect(idsOf(await box.list({ path: 'door' }))).toEqual(['c', 'a']);
});

test('a camera that the user may not play back is not listed, and neither are its types', async () => {
  using box = openList();
  box.add('door', 'a', 100);
  box.add('yard', 'b', 200, { type: 'person' });
  box.add(gapsName('yard'), 'c', 300, { type: 'offline', lasts: 600 });
  const seen = await box.list({}, (path) => path === 'door');
  expect([idsOf(seen), seen.types]).toEqual([['a'], ['motion']]);
  expect((await box.list({ path: 'yard' }, (path) => path === 'door')).items).toEqual([]);
});

test('the pages contain each event once, also if many start at the same time', async () => {
  using box = openList();
  const added = new Set<string>();
  for (const path of ['door', 'gate', 'yard']) {
    for (let i = 0; i < 40; i += 1) {
      // Ten at each moment, of all cameras thirty.
      box.add(path, `${path}-${i}`, 100 + Math.floor(i / 10));
      box.add(gapsName(path), `${path}-away-${i}`, 100 + Math.floor(i / 10), { type: 'offline', lasts: 60 });
      added.add(`${path}-${i}`).add(`${path}-away-${i}`);
    }
  }
  const found: string[] = [];
  let before: string | undefined;
  do {
    const page: EventPage = await box.list({ limit: '7', before });
    expect(page.items.length).toBeLessThanOrEqual(7);
    found.push(...idsOf(page));
    before = page.next ?? undefined;
  } while (before !== undefined);
  expect(found).toHaveLength(added.size);
  expect(new Set(found)).toEqual(added);
});

test('outages of a minute are listed; shorter ones and other gap reasons are not, nor are they with a type filter', async () => {
  using box = openList();
  box.add('door', 'a', 100);
  box.add('door', 'moved', 150, { type: 'perch.moved' });
  box.add(gapsName('door'), 'away', 200, { type: 'offline', lasts: 720 });
  box.add(gapsName('door'), 'blink', 1_000, { type: 'offline', lasts: 59 });
  box.add(gapsName('door'), 'paused', 2_000, { type: 'paused', lasts: 600 });
  box.add(gapsName('gate'), 'still away', 3_000, { type: 'offline', lasts: null });
  const seen = await box.list();
  expect(seen.items.map(({ id, path, type }) => [id, path, type])).toEqual([
    ['still away', 'gate', 'perch.offline'],
    ['away', 'door', 'perch.offline'],
    ['moved', 'door', 'perch.moved'],
    ['a', 'door', 'motion'],
  ]);
  expect(seen.types).toEqual(['motion']);
  expect(idsOf(await box.list({ types: 'motion' }))).toEqual(['a']);
  expect(idsOf(await box.list({ types: 'perch.offline', path: 'gate' }))).toEqual(['still away']);
});

test('the picture of an event is the nearest recorded time, within five seconds', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 4);
  await using playback = openPlayback(folder.path);
  const at = (seconds: number) => new Date(WALL + seconds * 1000).toISOString();
  for (const [id, seconds] of [
    ['too early', -6],
    ['before', -4],
    ['within', 2],
    ['after', 7],
    ['too late', 9],
  ] as const) {
    const startUs = (WALL + seconds * 1000) * 1000;
    playback.events.addEvent({ id, path: 'cam', type: 'motion', startUs, endUs: startUs, text: '' });
  }
  const query = eventListQuery({ ...NOTHING, from: at(-60), to: at(60) });
  const { items } = await playback.listEvents(query, () => true);
  expect(items.map(({ id, picture }) => [id, picture])).toEqual([
    ['too late', null],
    ['after', '2026-07-01T12:00:03.8Z'],
    ['within', '2026-07-01T12:00:02Z'],
    ['before', '2026-07-01T12:00:00Z'],
    ['too early', null],
  ]);
});

test.for<[Partial<EventListRequest>, string]>([
  [{ from: 'yesterday' }, 'from'],
  [{ to: DAY.from }, 'not after'],
  [{ to: '2026-08-03T00:00:00Z' }, '32 days'],
  [{ limit: '0' }, 'limit'],
  [{ limit: '201' }, 'limit'],
  [{ limit: 'many' }, 'limit'],
  [{ types: Array.from({ length: 33 }, (_, i) => `t${i}`).join(',') }, 'types'],
  [{ before: 'bm90aGluZw' }, 'before'],
  [{ before: Buffer.from('["1",2]').toString('base64url') }, 'before'],
])('rejects %j', async ([query, message]) => {
  using box = openList();
  await expect((async () => box.list(query))()).rejects.toThrow(message);
});

test('with several types at one time the pages lose and repeat nothing', async () => {
  using box = openList();
  for (let i = 0; i < 20; i += 1) {
    box.add('door', `door-${i}`, 100, { type: ['motion', 'person', 'sound'][i % 3] ?? '' });
    box.add('yard', `yard-${i}`, 100, { type: ['person', 'sound', 'motion'][i % 3] ?? '' });
  }
  const query = { types: 'person,motion,person', limit: '3' };
  const seen: string[] = [];
  let page = await box.list(query);
  expect(page.types).toEqual(['motion', 'person', 'sound']);
  while (page.next !== null) {
    seen.push(...idsOf(page));
    page = await box.list({ ...query, before: page.next });
  }
  seen.push(...idsOf(page));
  const wanted = (await box.list({ limit: '200' })).items.filter(({ type }) => type !== 'sound');
  expect(seen).toEqual(wanted.map(({ id }) => id));
});

test('an event type outside the period is not listed', async () => {
  using box = openList();
  box.add('door', 'a', -100, { type: 'animal' });
  box.add('door', 'b', 100, { type: 'motion' });
  box.add('door', 'c', 86_500, { type: 'person' });
  box.add('door', 'd', 200, { type: 'sound' });
  expect((await box.list()).types).toEqual(['motion', 'sound']);
});

test('without from the list goes back to the first event', async () => {
  using box = openList();
  box.add('door', 'new', 100);
  box.add('door', 'old', -400 * 86_400);
  const page = await box.list({ from: undefined, limit: '1' });
  expect([idsOf(page), idsOf(await box.list({ from: undefined, before: page.next ?? '' }))]).toEqual([
    ['new'],
    ['old'],
  ]);
});

test('a person sees which events are new, and lists these alone, page by page', async () => {
  using box = openList();
  using folder = temporaryFolder();
  for (let i = 0; i < 20; i += 1) {
    box.add('door', `e${i}`, i * 60);
  }
  box.add(gapsName('yard'), 'away', 700, { type: 'offline', lasts: 90 });
  const marks = new SeenMarks(join(folder.path, 'seen-events.json'), silentLogger);
  const startMs = START_US / 1000;
  await marks.markUpTo('anna', startMs + 9 * 60_000);
  await marks.mark('anna', [
    { path: 'door', id: 'e15', startMs: startMs + 15 * 60_000 },
    { path: 'yard', id: 'away', startMs: startMs + 700_000 },
  ]);
  const anna = await marks.of('anna');
  const all = await box.list({ limit: '8' }, undefined, anna);
  expect(all.items.map(({ id, seen }) => `${id} ${seen}`)).toEqual(
    [19, 18, 17, 16, 15, 14, 13, 12].map((i) => `e${i} ${i === 15}`),
  );
  const first = await box.list({ limit: '5', unseen: 'true' }, undefined, anna);
  expect(idsOf(first)).toEqual(['e19', 'e18', 'e17', 'e16', 'e14']);
  const rest = await box.list({ limit: '5', unseen: 'true', before: first.next ?? '' }, undefined, anna);
  expect([idsOf(rest), rest.next]).toEqual([['e13', 'e12', 'e11', 'e10'], null]);
  // A program has no marks.
  expect(idsOf(await box.list({ unseen: 'true' }))).toHaveLength(21);
  expect(() => box.list({ unseen: 'yes' })).toThrow('neither true nor false');
});

test('unseen events among a thousand marks are found in turns of which none reads many', async () => {
  using box = openList();
  using folder = temporaryFolder();
  const marks = new SeenMarks(join(folder.path, 'seen-events.json'), silentLogger);
  const seen = [];
  for (let i = 0; i < 1_600; i += 1) {
    const path = `cam${i % 16}`;
    box.add(path, `e${i}`, i * 10);
    if (i >= 600) {
      seen.push({ path, id: `e${i}`, startMs: START_US / 1000 + i * 10_000 });
    }
  }
  await marks.mark('anna', seen);
  const turns = [0];
  const { newestOf } = box.events;
  box.events.newestOf = (...query) => {
    const found = newestOf.apply(box.events, query);
    turns.push((turns.pop() ?? 0) + found.length);
    return found;
  };
  let ticking = setImmediate(function tick() {
    turns.push(0);
    ticking = setImmediate(tick);
  });
  const page = await box.list({ limit: '20', unseen: 'true' }, undefined, await marks.of('anna'));
  clearImmediate(ticking);
  expect(idsOf(page)).toEqual(Array.from({ length: 20 }, (_, i) => `e${599 - i}`));
  expect(turns.length).toBeGreaterThan(5);
  expect(Math.max(...turns)).toBeLessThanOrEqual(3_200);
});

test('the digest of a day counts events by camera and type', async () => {
  using box = openList();
  for (let i = 0; i < 5; i += 1) {
    box.add('door', `m${i}`, i);
    box.add('yard', `p${i}`, i, { type: 'person' });
  }
  box.add('door', 'p', 100, { type: 'person' });
  box.add('door', 'tomorrow', 86_400);
  box.add('door', 'yesterday', -1);
  box.add(gapsName('yard'), 'away', 100, { type: 'offline', lasts: 90 });
  box.add(gapsName('yard'), 'blink', 300, { type: 'offline', lasts: 5 });
  expect(box.digest()).toEqual([
    { path: 'door', type: 'motion', count: 5, labelled: 0 },
    { path: 'yard', type: 'person', count: 5, labelled: 0 },
    { path: 'door', type: 'person', count: 1, labelled: 0 },
    { path: 'yard', type: 'perch.offline', count: 1, labelled: 0 },
  ]);
  expect(box.digest((path) => path === 'yard')?.map(({ path }) => path)).toEqual(['yard', 'yard']);
});

test('the first page of 100,000 events takes milliseconds, also of unseen events and of a rare type', async () => {
  using box = openList();
  using folder = temporaryFolder();
  for (let i = 0; i < 100_000; i += 1) {
    box.add(`cam${i % 9}`, `e${i}`, -i * 20, { type: i % 5_000 === 4_999 ? 'doorbell' : i % 7 ? 'motion' : 'person' });
  }
  const marks = new SeenMarks(join(folder.path, 'seen-events.json'), silentLogger);
  const startMs = START_US / 1000;
  await marks.markUpTo('anna', startMs - 1_000_000_000);
  await marks.mark(
    'anna',
    Array.from({ length: 200 }, (_, i) => ({ path: `cam${i % 9}`, id: `e${i}`, startMs: startMs - i * 20_000 })),
  );
  const anna = await marks.of('anna');
  const since = { from: undefined };
  for (const [query, count] of [
    [since, 50],
    [{ ...since, unseen: 'true' }, 50],
    [{ ...since, types: 'doorbell' }, 20],
  ] as const) {
    await box.list(query, undefined, anna);
    const fromMs = threadCpuMs();
    const { items } = await box.list(query, undefined, anna);
    const tookMs = threadCpuMs() - fromMs;
    expect(items).toHaveLength(count);
    // Linear per page; a quadratic list takes 40 times as long.
    expect(tookMs).toBeLessThan(200);
  }
});
