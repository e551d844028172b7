import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mutate } from '../../test/support/base/mutate.ts';
import { random } from '../../test/support/base/random.ts';
import { threadCpuMs } from '../../test/support/base/thread-cpu.ts';
import { record, temporaryFolder, WALL } from '../../test/support/disks/recordings.ts';
import { openPlayback } from '../../test/support/harness/playback.ts';
import { PerchError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import { SeenMarks } from '../record/events/seen-marks.ts';
import { gapsName } from '../record/gaps/gap-reason.ts';
import { SegmentIndex } from './index/segment-index.ts';
import { type ReviewRequest, reviewQuery } from './read/query.ts';
import { type ReviewScope, reviewCard, reviewEvents, reviewPage } from './review-list.ts';

const DAY = { from: '2026-07-01T00:00:00Z', to: '2026-07-02T00:00:00Z' };
const START_US = Date.parse(DAY.from) * 1000;
const NOTHING = {
  ...{ path: undefined, types: undefined, hours: undefined, before: undefined, limit: undefined, unseen: undefined },
};
const GROUPS: Readonly<Record<string, string>> = { door: 'Front', drive: 'Front', yard: 'Back' };
const EVERYBODY: ReviewScope = {
  maySee: () => true,
  groupOf: (path) => GROUPS[path],
  mainOf: (path) => (path.endsWith('_sub') ? path.slice(0, -4) : undefined),
  isElsewhere: () => false,
  seen: undefined,
};

function openReviews() {
  const index = new SegmentIndex(':memory:', (error) => {
    throw error;
  });
  const catalog = { index, refresh: async () => {} };
  return {
    /** Adds an event. @param at its start in seconds of the day */
    add(path: string, id: string, at: number, { type = 'motion', lasts = 5 as number | null } = {}) {
      const startUs = START_US + Math.round(at * 1e6);
      const endUs = lasts === null ? undefined : startUs + Math.round(lasts * 1e6);
      index.events.addEvent({ id, path, type, startUs, endUs, text: '' });
    },
    events: index.events,
    list: (query: Partial<ReviewRequest> = {}, scope: Partial<ReviewScope> = {}) =>
      reviewPage(catalog, reviewQuery({ ...NOTHING, ...DAY, ...query }), { ...EVERYBODY, ...scope }, 'UTC'),
    card: (id: string, scope: Partial<ReviewScope> = {}) => reviewCard(catalog, id, { ...EVERYBODY, ...scope }, 'UTC'),
    eventsOf: (id: string) => reviewEvents(catalog, id, EVERYBODY),
    [Symbol.dispose]: () => index.close(),
  };
}

test('labels of an event are types of its card, and match a filter', async () => {
  using box = openReviews();
  box.add('door', 'a', 100);
  const label = { type: 'person' as const, score: 0.5, box: { x: 0, y: 0, width: 0.5, height: 0.5 }, at: START_US };
  const startUs = START_US + 3_600e6;
  box.events.addEvent({
    ...{ id: 'b', path: 'door', type: 'motion', text: '' },
    startUs,
    endUs: startUs + 5e6,
    labels: [label],
  });
  const { items } = await box.list({ types: 'person' });
  expect(items).toMatchObject([{ cameras: [{ path: 'door', types: ['motion', 'person'] }] }]);
});

type Cards = Pick<Awaited<ReturnType<typeof reviewPage>>, 'items'>;
/** The ids of the events of each card. */
const idsOf = ({ items }: Cards) => items.map(({ events }) => events.map(({ id }) => id).join(' '));

test('what cameras of one group see within seconds is one card, newest first', async () => {
  using box = openReviews();
  box.add('drive', 'a', 100, { type: 'vehicle' });
  box.add('door', 'b', 112, { type: 'person', lasts: 8 });
  box.add('door', 'c', 125, { lasts: 1 });
  box.add('yard', 'd', 113);
  box.add('attic', 'e', 114);
  box.add('cellar', 'f', 114.5, { lasts: null });
  box.add('door', 'g', 140);
  const page = await box.list();
  expect(idsOf(page)).toEqual(['g', 'e f', 'd', 'a b c']);
  expect(page.next).toBeNull();
  expect(page.types).toEqual(['motion', 'person', 'vehicle']);
  expect(page.items[3]).toEqual({
    id: expect.any(String),
    start: '2026-07-01T00:01:40Z',
    end: '2026-07-01T00:02:06Z',
    group: 'Front',
    cameras: [
      { path: 'drive', types: ['vehicle'], zones: [], start: '2026-07-01T00:01:40Z', end: '2026-07-01T00:01:45Z' },
      {
        path: 'door',
        types: ['person', 'motion'],
        zones: [],
        start: '2026-07-01T00:01:52Z',
        end: '2026-07-01T00:02:06Z',
      },
    ],
    pictures: [],
    events: [
      expect.objectContaining({ id: 'a', path: 'drive', type: 'vehicle', seen: null }),
      expect.objectContaining({ id: 'b' }),
      expect.objectContaining({ id: 'c' }),
    ],
    eventCount: 3,
    seen: null,
  });
  // Ongoing, and of cameras in no group.
  expect(page.items[1]).toMatchObject({ end: null, group: null });
  expect(await box.card(page.items[3]?.id ?? '')).toEqual(page.items[3]);
});

test('a card keeps its id while events are added to it, and its first event decides whether it is in the period', async () => {
  using box = openReviews();
  box.add('door', 'late', 86_398);
  const [before] = (await box.list()).items;
  box.add('drive', 'later', 86_402);
  box.add('door', 'early', -3);
  box.add('drive', 'first', 4);
  const after = await box.list();
  expect(idsOf(after)).toEqual(['late later']);
  expect(after.items[0]?.id).toBe(before?.id);
});

test('a viewer gets cards of the own cameras alone, and of a sub stream only without its main stream', async () => {
  using box = openReviews();
  box.add('drive', 'a', 100);
  box.add('door', 'b', 101);
  box.add('door_sub', 'b', 101);
  const ofOwner = await box.list();
  expect(idsOf(ofOwner)).toEqual(['a b']);
  const viewer = { maySee: (path: string) => path === 'door' };
  const ofViewer = await box.list({}, viewer);
  expect(idsOf(ofViewer)).toEqual(['b']);
  expect(JSON.stringify(ofViewer)).not.toContain('drive');
  expect((await box.list({}, { maySee: (path) => path === 'door_sub' })).items).toHaveLength(1);
  await expect(box.card(ofOwner.items[0]?.id ?? '', viewer)).rejects.toThrow('no card has this id');
});

test('filters choose cards, which stay whole', async () => {
  using box = openReviews();
  box.add('drive', 'a', 3_600);
  box.add('door', 'b', 3_605, { type: 'person' });
  box.add('yard', 'c', 7_200, { type: 'person' });
  box.add('door', 'd', 50_000);
  expect(idsOf(await box.list({ types: 'person' }))).toEqual(['c', 'a b']);
  expect(idsOf(await box.list({ path: 'drive' }))).toEqual(['a b']);
  // The person was at the door.
  expect(idsOf(await box.list({ path: 'drive', types: 'person' }))).toEqual([]);
  expect(idsOf(await box.list({ hours: '00:30-01:30' }))).toEqual(['a b']);
  expect(idsOf(await box.list({ hours: '13:00-02:30' }))).toEqual(['d', 'c', 'a b']);
  // The hours are those of the zone in which the client asks.
  expect(idsOf(await box.list({ hours: '03:30-04:30', to: '2026-07-02T02:00:00+02:00' }))).toEqual(['c']);
});

test('a zone chooses cards, with a type those with an event that has both', async () => {
  using box = openReviews();
  const add = (path: string, id: string, at: number, type: string, ...zones: string[]) => {
    const startUs = START_US + at * 1e6;
    box.events.addEvent({ id, path, type, startUs, endUs: startUs + 5e6, text: '', zones });
  };
  add('drive', 'a', 3_600, 'motion', 'Street', 'Ramp');
  add('door', 'b', 3_605, 'person', 'Porch');
  add('drive', 'c', 7_200, 'person', 'Street');
  add('yard', 'd', 9_000, 'motion');
  const all = await box.list();
  expect(all.zones).toEqual(['Porch', 'Ramp', 'Street']);
  expect(all.items[2]).toMatchObject({ cameras: [{ zones: ['Ramp', 'Street'] }, { zones: ['Porch'] }] });
  // A chosen camera has its own on offer.
  expect(await box.list({ path: 'door' })).toMatchObject({ types: ['person'], zones: ['Porch'] });
  expect(idsOf(await box.list({ zone: 'Street' }))).toEqual(['c', 'a b']);
  expect(idsOf(await box.list({ zone: 'Street', limit: '1' }))).toEqual(['c']);
  expect(idsOf(await box.list({ zone: 'Street', types: 'person' }))).toEqual(['c']);
  expect(idsOf(await box.list({ zone: 'Porch', path: 'drive' }))).toEqual([]);
  expect(idsOf(await box.list({ zone: 'Attic' }))).toEqual([]);
  // A person elsewhere, while something moved in the zone.
  const startUs = START_US + 10_000e6;
  const label = {
    type: 'person',
    score: 1,
    box: { x: 0, y: 0, width: 1, height: 1 },
    at: startUs,
    zones: ['Ramp'],
  } as const;
  const zones = ['Ramp', 'Street'];
  box.events.addEvent({
    ...{ id: 'e', path: 'drive', type: 'motion', startUs, endUs: startUs + 5e6, text: '' },
    ...{ zones, labels: [label] },
  });
  expect(idsOf(await box.list({ zone: 'Street', types: 'person' }))).toEqual(['c']);
  expect(idsOf(await box.list({ zone: 'Ramp', types: 'person' }))).toEqual(['e']);
  expect(idsOf(await box.list({ zone: 'Street', types: 'motion' }))).toEqual(['e', 'a b']);
});

test('hours are those of a time zone, in summer and in winter', async () => {
  using box = openReviews();
  const inWinter = (Date.parse('2026-01-10T06:30:00Z') - Date.parse(DAY.from)) / 1000;
  box.add('door', 'summer', 5.5 * 3_600);
  box.add('door', 'winter', inWinter);
  const query = { from: undefined, hours: '07:00-08:00' };
  expect(idsOf(await box.list({ ...query, timeZone: 'Europe/Vienna' }))).toEqual(['summer', 'winter']);
  expect(idsOf(await box.list({ ...query, to: '2026-07-02T00:00:00+02:00' }))).toEqual(['summer']);
  await expect(async () => box.list({ timeZone: 'Vienna' })).rejects.toThrow("invalid timeZone: 'Vienna'");
});

test('an outage is a card of its own, which has no pictures', async () => {
  using box = openReviews();
  box.add('door', 'a', 100);
  box.add(gapsName('door'), 'away', 104, { type: 'offline', lasts: 90 });
  box.add('drive', 'b', 106);
  const page = await box.list();
  expect(idsOf(page)).toEqual(['away', 'a b']);
  expect(page.items[0]).toMatchObject({ cameras: [{ path: 'door', types: ['perch.offline'] }], pictures: [] });
});

test('events without a pause for hours are cards of three minutes', async () => {
  using box = openReviews();
  for (let at = 0; at < 3_600; at += 6) {
    box.add(at % 12 ? 'door' : 'drive', `e${at}`, at + 90, { lasts: at === 0 ? null : 5 });
  }
  const { items } = await box.list();
  const seconds = items.map(({ eventCount }) => eventCount * 6);
  expect(seconds.at(-1)).toBe(270);
  expect(seconds.slice(1, -1).every((one) => one === 180)).toBe(true);
  expect(items.length).toBeGreaterThan(18);
});

test('pages of any size have the same cards, and each event is in one', async () => {
  for (let seed = 1; seed <= 5; seed += 1) {
    using box = openReviews();
    const next = random(seed);
    const cameras = ['door', 'drive', 'yard', 'attic', 'cellar'];
    let at = 0;
    const count = 500;
    for (let i = 0; i < count; i += 1) {
      // Bursts, which last longer than a card, and pauses.
      at += next() < 0.1 ? next() * 400 : next() * 12;
      const lasts = next() < 0.02 ? null : next() * (next() < 0.05 ? 4_000 : 20);
      box.add(cameras[Math.floor(next() * 5)] ?? '', `e${i}`, at, { lasts, type: next() < 0.2 ? 'person' : 'motion' });
    }
    const query = { from: undefined, to: '2026-07-03T00:00:00Z' };
    const whole = await box.list({ ...query, limit: '200' });
    let all: Cards['items'] = whole.items;
    for (let before = whole.next; before; ) {
      const page = await box.list({ ...query, limit: '200', before });
      all = [...all, ...page.items];
      before = page.next;
    }
    expect(all.flatMap(({ events }) => events).length).toBe(count);
    expect(new Set(all.flatMap(({ events }) => events.map(({ id }) => id))).size).toBe(count);
    expect(all.map(({ start }) => start)).toEqual(
      all
        .map(({ start }) => start)
        .sort()
        .reverse(),
    );
    for (const { group, cameras: own } of all) {
      expect(new Set(own.map(({ path }) => EVERYBODY.groupOf(path) ?? null))).toEqual(new Set([group]));
    }
    const limit = 1 + Math.floor(next() * 30);
    const inPages: string[] = [];
    let before: string | undefined;
    do {
      const page = await box.list({ ...query, limit: String(limit), ...(before === undefined ? {} : { before }) });
      inPages.push(...idsOf(page));
      before = page.next ?? undefined;
    } while (before !== undefined);
    expect(inPages).toEqual(idsOf({ items: all }));
  }
});

test('a flood of events at one moment ends, and a rare kind is found over several requests', async () => {
  using box = openReviews();
  box.add('door', 'person', -50_000, { type: 'person' });
  for (let i = 0; i < 11_000; i += 1) {
    box.add('door', `e${i}`, i < 8_000 ? 50_000 + i / 1_000 : i - 8_000);
  }
  const query = { from: undefined, types: 'person' };
  let requests = 0;
  const found: string[] = [];
  let before: string | undefined;
  do {
    const page = await box.list({ ...query, ...(before === undefined ? {} : { before }) });
    found.push(...idsOf(page));
    before = page.next ?? undefined;
    requests += 1;
  } while (before !== undefined && requests < 20);
  expect([found, before]).toEqual([['person'], undefined]);
  expect(requests).toBeLessThan(6);
  const { next } = await box.list({ from: undefined });
  const flood = await box.list({ from: undefined, before: next ?? '' });
  expect(flood.items[0]?.events).toHaveLength(200);
  expect(flood.items[0]?.eventCount).toBeGreaterThan(5_000);
});

test('up to six pictures are spread over cameras and time, and none shows the same moment twice', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 60);
  await using playback = openPlayback(folder.path);
  const add = (id: string, seconds: number, lasts: number) => {
    const startUs = (WALL + seconds * 1000) * 1000;
    playback.events.addEvent({ id, path: 'cam', type: 'motion', startUs, endUs: startUs + lasts * 1e6, text: '' });
    playback.events.addEvent({ id, path: 'none', type: 'motion', startUs, endUs: startUs, text: '' });
  };
  const at = (seconds: number) => new Date(WALL + seconds * 1000).toISOString();
  const list = (scope: Partial<ReviewScope> = {}) =>
    playback.listReviews(reviewQuery({ ...NOTHING, from: at(-60), to: at(120) }), {
      ...EVERYBODY,
      groupOf: (path) => path,
      ...scope,
    });
  const picturesOf = async (scope?: Partial<ReviewScope>) =>
    (await list(scope)).items.map(({ cameras, pictures }) => [
      cameras[0]?.path,
      pictures.map(({ time }) => Math.round((Date.parse(time) - WALL) / 10) / 100),
    ]);
  add('short', 5, 1);
  expect(await picturesOf()).toEqual([
    ['none', []],
    ['cam', [5.17]],
  ]);
  // A box that has the recordings finds the picture.
  expect(await picturesOf({ isElsewhere: (path) => path === 'none' })).toEqual([
    ['none', [5]],
    ['cam', [5.17]],
  ]);
  add('second', 8, 50);
  expect(await picturesOf()).toEqual([
    ['none', []],
    ['cam', [5.17, 10, 33, 49.67]],
  ]);
});

test('pictures show objects, then what moved most, and neither the start of an event nor its end', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 60);
  await using playback = openPlayback(folder.path);
  const us = (seconds: number) => (WALL + seconds * 1000) * 1000;
  const at = (seconds: number) => new Date(WALL + seconds * 1000).toISOString();
  const box = { x: 0.1, y: 0.1, width: 0.2, height: 0.2 };
  const add = (id: string, seconds: number, lasts: number, peak?: number, ...labels: readonly [number, number][]) =>
    playback.events.addEvent({
      ...{ id, path: 'cam', type: 'motion', startUs: us(seconds), endUs: us(seconds + lasts), text: '' },
      area: peak === undefined ? undefined : { ...box, at: us(peak) },
      labels: labels.map(([when, score]) => ({ type: 'person', score, box, at: us(when) })),
    });
  const pictures = async () => {
    const { items } = await playback.listReviews(reviewQuery({ ...NOTHING, from: at(-60), to: at(120) }), EVERYBODY);
    return items.map((card) => card.pictures.map(({ time }) => Math.round((Date.parse(time) - WALL) / 100) / 10));
  };
  // Without any knowledge, an event of five seconds has one picture.
  add('a', 10, 5);
  expect(await pictures()).toEqual([[10.8]]);
  add('a', 10, 5, 13);
  expect(await pictures()).toEqual([[13]]);
  add('a', 10, 5, 13, [12, 0.6], [14, 0.9]);
  expect(await pictures()).toEqual([[14.1]]);
  // Recorded until 60 s: both moments have the same last picture.
  add('a', 59, 6, 60, [64, 0.9]);
  expect(await pictures()).toEqual([[59.8]]);
});

test('a card is seen when its events are', async () => {
  using box = openReviews();
  using folder = temporaryFolder();
  box.add('drive', 'a', 100);
  box.add('door', 'b', 105);
  box.add('yard', 'c', 300);
  const marks = new SeenMarks(join(folder.path, 'seen-events.json'), silentLogger);
  const mark = (path: string, id: string, at: number) =>
    marks.mark('anna', [{ path, id, startMs: START_US / 1000 + at * 1000 }]);
  const seenOf = async (query: Partial<ReviewRequest> = {}) =>
    (await box.list(query, { seen: await marks.of('anna') })).items.map(({ seen }) => seen);
  await mark('drive', 'a', 100);
  await mark('yard', 'c', 300);
  expect(await seenOf()).toEqual([true, false]);
  expect(await seenOf({ unseen: 'true' })).toEqual([false]);
  await mark('door', 'b', 105);
  expect([await seenOf(), await seenOf({ unseen: 'true' })]).toEqual([[true, true], []]);
  // A card names 200 of its events, and is marked with all of them.
  for (let i = 0; i < 250; i += 1) {
    box.add('yard', `f${i}`, 1_000 + i / 10);
  }
  const [flood] = (await box.list()).items;
  expect(flood?.events).toHaveLength(200);
  const all = await box.eventsOf(flood?.id ?? '');
  await marks.mark('anna', all.slice(0, 249));
  expect(await seenOf({ unseen: 'true' })).toEqual([false]);
  await marks.mark('anna', all);
  expect([all.length, await seenOf({ unseen: 'true' })]).toEqual([250, []]);
  await expect(box.eventsOf('WzEsInlhcmQiLCJhIl0')).rejects.toThrow('no card has this id');
  await marks.close();
});

test('damaged queries and ids are rejected as such', async () => {
  using box = openReviews();
  box.add('door', 'a', 100);
  const [card] = (await box.list()).items;
  const next = random(5);
  const texts = [card?.id ?? '', '22:00-06:00', DAY.to, '50', 'true', 'motion,person'];
  let rejected = 0;
  for (let i = 0; i < 900; i += 1) {
    const damaged = Buffer.from(mutate(Buffer.from(texts[i % texts.length] ?? ''), next)).toString('latin1');
    const key = (['before', 'hours', 'to', 'limit', 'unseen', 'types'] as const)[i % 6] ?? 'to';
    for (const ask of [async () => box.list({ [key]: damaged }), () => box.card(damaged)]) {
      await ask().catch((error: unknown) => {
        rejected += 1;
        expect(error).toBeInstanceOf(PerchError);
      });
    }
  }
  expect(rejected).toBeGreaterThan(900);
  for (const [query, message] of [
    [{ hours: '25:00-06:00' }, 'hours'],
    [{ before: 'bm90aGluZw' }, 'before'],
    [{ limit: '201' }, 'limit'],
    [{ to: DAY.from }, 'not after'],
  ] as const) {
    await expect(async () => box.list(query)).rejects.toThrow(message);
  }
});

test('a day of 400 events among 75 of them takes milliseconds, and a month has turns', async () => {
  using box = openReviews();
  for (let i = 0; i < 30_000; i += 1) {
    box.add(`cam${i % 12}`, `e${i}`, 86_400 - i * 216, { type: i % 7 ? 'motion' : 'person' });
  }
  await box.list({ limit: '200' });
  const fromMs = threadCpuMs();
  const { items } = await box.list({ limit: '200' });
  const tookMs = threadCpuMs() - fromMs;
  expect(items).toHaveLength(200);
  // A tenth of it on a fast machine; quadratic work takes 40 times as long.
  expect(tookMs).toBeLessThan(100);
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 0);
  // No event starts at this minute.
  const rare = await box.list({ from: undefined, hours: '00:01-00:02' });
  clearInterval(timer);
  expect(rare.items).toEqual([]);
  expect(rare.next).not.toBeNull();
  expect(turns).toBeGreaterThan(3);
});

test('cards of a rare kind are found without reading the events between them, and are the same', async () => {
  using box = openReviews();
  const next = random(7);
  let at = 0;
  for (let i = 0; i < 30_000; i += 1) {
    at += next() * 60;
    const path = ['door', 'drive', 'yard', 'attic'][Math.floor(next() * 4)] ?? '';
    const type = i % 3_001 === 1_500 ? 'person' : i % 97 === 5 ? 'vehicle' : i % 333 === 4 ? 'animal' : 'motion';
    const startUs = START_US - Math.round(at * 1e6);
    const label = { type: 'animal' as const, score: 0.5, box: { x: 0, y: 0, width: 0.5, height: 0.5 }, at: startUs };
    const more = i % 150 === 3 && { labels: [label] };
    const endUs = startUs + Math.round(next() * 40e6);
    box.events.addEvent({ id: `e${i}`, path, type, startUs, endUs, text: '', ...more });
  }
  type Item = Cards['items'][number];
  const listed = async (query: Partial<ReviewRequest>, isMeant: (card: Item) => boolean = () => true) => {
    const ids: string[] = [];
    let before: string | undefined;
    do {
      const page = await box.list({ from: undefined, limit: '100', before, ...query });
      ids.push(...page.items.filter(isMeant).map(({ id }) => id));
      before = page.next ?? undefined;
    } while (before !== undefined);
    return ids;
  };
  const has = (card: Item, types: readonly string[], path?: string) =>
    card.cameras.some((one) => (path ?? one.path) === one.path && one.types.some((type) => types.includes(type)));
  for (const types of [['vehicle', 'person'], ['animal']]) {
    expect(await listed({ types: types.join(',') })).toEqual(await listed({}, (card) => has(card, types)));
  }
  const ofDoor = await listed({ types: 'person', path: 'door' });
  expect(ofDoor).toEqual(await listed({ path: 'door' }, (card) => has(card, ['person'], 'door')));
  const all = await listed({}, (card) => has(card, ['person']));
  let rows = 0;
  const { newestOf } = box.events;
  box.events.newestOf = (...query) => {
    const found = newestOf.apply(box.events, query);
    rows += found.length;
    return found;
  };
  const rare = await box.list({ from: undefined, types: 'person', limit: '20' });
  expect([rare.items.map(({ id }) => id), rare.next]).toEqual([all, null]);
  expect(all.length).toBeGreaterThanOrEqual(9);
  expect(rows).toBeLessThan(8_000);
});
