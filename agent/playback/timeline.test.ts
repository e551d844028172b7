import { expect, test } from 'vitest';
import { random } from '../../test/support/base/random.ts';
import { record, startRecorder, temporaryFolder, WALL } from '../../test/support/disks/recordings.ts';
import { openPlayback } from '../../test/support/harness/playback.ts';
import { tinyVideo } from '../../test/support/media/tiny-h264.ts';
import { gapsName } from '../record/gaps/gap-reason.ts';
import { SegmentIndex } from './index/segment-index.ts';
import type { Playback } from './playback.ts';
import { timelineQuery } from './read/query.ts';
import { parseRfc3339 } from './read/rfc3339.ts';
import { type IndexLookup, timelineOf } from './timeline.ts';

const SECOND = 1_000_000;
const MONTH = '2026-07-01T00:00:00Z';

/** Seconds after the recordings' usual start. */
const timeline = (playback: Playback, from: number, to: number, resolution?: number) => {
  const at = (seconds: number) => new Date(WALL + seconds * 1000).toISOString();
  const texts = { from: at(from), to: at(to), resolution: resolution === undefined ? undefined : String(resolution) };
  return playback.timeline(timelineQuery({ path: 'cam', ...texts }));
};

/** A long history in an index alone. */
function openIndex(): { readonly index: SegmentIndex; readonly catalog: IndexLookup } & Disposable {
  const index = new SegmentIndex(':memory:', (error) => {
    throw error;
  });
  const catalog = { index, refresh: async () => {} };
  return { index, catalog, [Symbol.dispose]: () => index.close() };
}

test('recordings and the gaps between them are shown in seconds after the asked time', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 4, { segmentDurationMs: 2_000 });
  await record(folder.path, 3, { wall: WALL + 10_000 });
  await using playback = openPlayback(folder.path);
  expect(await timeline(playback, -1, 19)).toEqual({
    path: 'cam',
    from: '2026-07-01T11:59:59Z',
    to: '2026-07-01T12:00:19Z',
    resolution: 0.1,
    first: '2026-07-01T12:00:00Z',
    last: '2026-07-01T12:00:13Z',
    recordedSeconds: 7,
    coverage: [
      [1, 4],
      [11, 3],
    ],
    archived: [],
    ...{ fetched: [], imported: [] },
    gaps: [
      [0, 1],
      [5, 6],
      [14, 6],
    ],
    reasons: [],
    events: [],
    eventCounts: [],
    protected: [],
    isCut: false,
  });
});

test('a gap that is shorter than the resolution is not shown, but not counted as recorded either', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 4);
  await record(folder.path, 3, { wall: WALL + 10_000 });
  await using playback = openPlayback(folder.path);
  expect(await timeline(playback, 0, 60, 10)).toMatchObject({
    coverage: [[0, 13]],
    gaps: [[13, 47]],
    recordedSeconds: 7,
  });
  expect(await timeline(playback, 3.5, 4.5)).toMatchObject({
    coverage: [[0, 0.5]],
    gaps: [[0.5, 0.5]],
    resolution: 0.01,
  });
});

test('a time without recordings is one gap', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 1);
  await using playback = openPlayback(folder.path);
  expect(await timeline(playback, 100, 200)).toMatchObject({ coverage: [], gaps: [[0, 100]], recordedSeconds: 0 });
});

test('a growing recording is shown up to its last part', async () => {
  using folder = temporaryFolder();
  await using playback = openPlayback(folder.path);
  await using running = startRecorder(folder.path);
  for (const sample of tinyVideo(35, 10, 10, 0, WALL)) {
    running.stream.write(0, sample);
  }
  await expect.poll(async () => (await timeline(playback, 0, 10)).coverage).toEqual([[0, 3]]);
});

test('recording that is switched off and on begins with the previous key frame: within its GOP nothing is missing, and no gap is shown', async () => {
  using folder = temporaryFolder();
  await using playback = openPlayback(folder.path);
  await using running = startRecorder(folder.path);
  const { stream, recorder } = running;
  const groups = tinyVideo(200, 10, 40, 0, WALL);
  const send = (from: number, to: number) => {
    for (const sample of groups.slice(from, to)) {
      stream.write(0, sample);
    }
  };
  send(0, 55);
  await recorder.stop();
  send(55, 78);
  recorder.start(stream);
  send(78, 90);
  await recorder.stop();
  expect(await timeline(playback, 0, 20)).toMatchObject({ coverage: [[0, 9]], recordedSeconds: 9 });
  const spans = await playback.list('cam', undefined, undefined, '');
  expect(spans.map(({ start, duration }) => [start, duration])).toEqual([
    ['2026-07-01T12:00:00Z', 5.5],
    ['2026-07-01T12:00:04Z', 5],
  ]);
  send(90, 130);
  recorder.start(stream);
  send(130, 140);
  await recorder.stop();
  expect((await timeline(playback, 0, 20)).coverage).toEqual([
    [0, 9],
    [12, 2],
  ]);
});

test('events and protected ranges are in the same response', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 4);
  await using playback = openPlayback(folder.path);
  const start = WALL * 1000;
  const event = { id: 'e', path: 'cam', type: 'motion', text: 'at the door' };
  playback.events.addEvent({ ...event, startUs: start + SECOND, endUs: start + 3 * SECOND });
  playback.events.addEvent({ ...event, id: 'f', startUs: start - SECOND, endUs: undefined });
  playback.events.setProtected([{ id: 'p', path: 'cam', startUs: start, endUs: start + 2 * SECOND, note: 'burglar' }]);
  expect(await timeline(playback, 0, 10)).toMatchObject({
    events: [
      { id: 'f', type: 'motion', at: -1, duration: null, text: 'at the door' },
      { id: 'e', type: 'motion', at: 1, duration: 2, text: 'at the door' },
    ],
    protected: [{ id: 'p', at: 0, duration: 2, note: 'burglar' }],
    isCut: false,
  });
});

test('reasons for gaps are listed: ongoing ones last, and with many of them short ones are omitted', async () => {
  using setup = openIndex();
  const { index, catalog } = setup;
  const startUs = Date.parse(MONTH) * 1000;
  const add = (type: string, fromSeconds: number, toSeconds?: number) => {
    const endUs = toSeconds === undefined ? undefined : startUs + toSeconds * SECOND;
    const halt = { id: type, path: gapsName('cam'), type, startUs: startUs + fromSeconds * SECOND, endUs, text: '' };
    index.events.addEvent(halt);
  };
  add('boxOff', -100, 60);
  add('paused', 120, 125);
  add('offline', 600, 1_200);
  add('diskFull', 3_000);
  const query = { path: 'cam', from: MONTH, to: '2026-07-01T01:00:00Z', resolution: '10' };
  expect(await timelineOf(catalog, timelineQuery(query), 'UTC')).toMatchObject({
    reasons: [
      [0, 60, 'boxOff'],
      [120, 5, 'paused'],
      [600, 600, 'offline'],
      [3_000, 600, 'diskFull'],
    ],
    events: [],
  });
  for (let i = 0; i < 200; i += 1) {
    index.events.addEvent({
      id: `short ${i}`,
      path: gapsName('cam'),
      type: 'offline',
      text: '',
      startUs: startUs + (1_300 + i) * SECOND,
      endUs: startUs + (1_300.5 + i) * SECOND,
    });
  }
  expect((await timelineOf(catalog, timelineQuery(query), 'UTC')).reasons).toHaveLength(3);
});

test('the longest of too many reasons are listed, marked as truncated', async () => {
  using setup = openIndex();
  const { index, catalog } = setup;
  const startUs = Date.parse(MONTH) * 1000;
  const add = (id: number, fromSeconds: number, seconds: number | undefined, type = 'offline') => {
    const fromUs = startUs + fromSeconds * SECOND;
    const endUs = seconds === undefined ? undefined : fromUs + seconds * SECOND;
    index.events.addEvent({ id: `${id}`, path: gapsName('cam'), type, startUs: fromUs, endUs, text: '' });
  };
  const ask = (to: string) =>
    timelineOf(catalog, timelineQuery({ path: 'cam', from: MONTH, to, resolution: '1' }), 'UTC');
  for (let i = 0; i < 2_000; i += 1) {
    add(i, i * 0.3, 0.1);
  }
  add(2_000, 650, 30, 'diskFull');
  add(2_001, 700, undefined, 'paused');
  // Where gaps are many, those shorter than a step are omitted.
  expect(await ask('2026-07-01T00:12:00Z')).toMatchObject({
    reasons: [
      [650, 30, 'diskFull'],
      [700, 20, 'paused'],
    ],
    isCut: false,
  });
  for (let i = 0; i < 300; i += 1) {
    add(3_000 + i, i * 2, 1);
  }
  const { reasons, isCut } = await ask('2026-07-01T00:12:00Z');
  expect(isCut).toBe(true);
  expect(reasons.slice(-2)).toEqual([
    [650, 30, 'diskFull'],
    [700, 20, 'paused'],
  ]);
  expect(reasons.map(([at]) => at)).toEqual(reasons.map(([at]) => at).sort((a, b) => a - b));
  // The newest of the equally long gaps are returned.
  expect(reasons.at(-3)).toEqual([598, 1, 'offline']);
});

test('more events than can be shown one by one are counted', async () => {
  using setup = openIndex();
  const { index, catalog } = setup;
  const startUs = Date.parse(MONTH) * 1000;
  for (let i = 0; i < 1_000; i += 1) {
    const at = startUs + i * 60 * SECOND;
    const box = { x: 0, y: 0, width: 1, height: 1 };
    const labels = i < 100 ? [{ type: 'person', score: 0.9, box, at } as const] : [];
    const event = { id: `event ${i}`, path: 'cam', type: 'motion', startUs: at, endUs: at + SECOND, text: '' };
    index.events.addEvent({ ...event, labels });
  }
  const query = timelineQuery({ path: 'cam', from: MONTH, to: '2026-07-02T00:00:00Z', resolution: undefined });
  const { events, eventCounts, isCut } = await timelineOf(catalog, query, 'UTC');
  expect(events).toEqual([]);
  const sum = (of: 'count' | 'labelled') => eventCounts.reduce((all, one) => all + (one[of] ?? 0), 0);
  expect([sum('count'), sum('labelled'), sum('count') - sum('labelled')]).toEqual([1_100, 100, 1_000]);
  expect(isCut).toBe(false);
});

test('from a month to a second the response stays below 40 kB', async () => {
  using setup = openIndex();
  const { index, catalog } = setup;
  const startUs = Date.parse(MONTH) * 1000;
  const next = random(3);
  for (let i = 0; i < 4_000; i += 1) {
    const at = startUs + Math.floor(i * 670 * SECOND + next() * SECOND);
    index.addNames([{ folder: '/rec/cam', name: `${i}.mp4`, path: 'cam', startUs: at }]);
    const durationUs = Math.floor(next() * 600 * SECOND);
    const info = { sizeBytes: 1, mtimeMs: 1, isFinished: true, durationUs, fileMark: undefined, signature: '' };
    const mark = { streamId: i.toString(16).padStart(32, '0'), segmentNumber: 0, dtsUs: 0, wallUs: at };
    index.setInfo(`/rec/cam/${i}.mp4`, { ...info, mark });
    const text = '\u0001ü'.repeat(100);
    index.events.addEvent({ id: `${text}${i}`, path: 'cam', type: text, startUs: at, endUs: at + SECOND, text });
    const halt = { id: `${i}`, path: gapsName('cam'), type: 'recordingOff', startUs: at, endUs: at + 600 * SECOND };
    index.events.addEvent({ ...halt, text: '' });
  }
  const note = '\u0001'.repeat(500);
  index.events.setProtected(
    Array.from({ length: 500 }, (_, i) => ({
      id: `p${i}`,
      path: 'cam',
      startUs: startUs + i,
      endUs: startUs + 4e12,
      note,
    })),
  );
  for (const seconds of [1, 10, 60, 720, 3_600, 43_200, 86_400, 7 * 86_400, 31 * 86_400, 365 * 86_400]) {
    const to = new Date(startUs / 1000 + seconds * 1000).toISOString();
    const query = timelineQuery({ path: 'cam', from: MONTH, to, resolution: undefined });
    const bytes = Buffer.byteLength(JSON.stringify(await timelineOf(catalog, query, 'UTC')));
    expect([seconds, bytes < 40_000, bytes > 200]).toEqual([seconds, true, true]);
    const finest = { ...query, resolution: seconds / 720 };
    expect(Buffer.byteLength(JSON.stringify(await timelineOf(catalog, finest, 'UTC')))).toBeLessThan(40_000);
  }
});

test.for([
  [{}, 'invalid from: it is missing: write a time such as 2026-01-31T14:05:00.5+01:00'],
  [{ from: MONTH }, 'invalid to: it is missing: write a time such as 2026-01-31T14:05:00.5+01:00'],
  [{ from: MONTH, to: 'noon' }, "invalid to: 'noon' is not a time such as 2026-01-31T14:05:00.5+01:00"],
  [{ from: MONTH, to: MONTH }, "invalid to: '2026-07-01T00:00:00Z' is not after '2026-07-01T00:00:00Z'"],
  [{ from: MONTH, to: '2030-01-01T00:00:00Z' }, 'at most 34560000 at once'],
  [{ from: MONTH, to: '2026-07-02T00:00:00Z', resolution: 'fine' }, "invalid resolution: 'fine' is not a number"],
  [{ from: MONTH, to: '2026-07-02T00:00:00Z', resolution: '0' }, 'invalid resolution: 0 is not between'],
  [{ from: MONTH, to: '2026-07-02T00:00:00Z', resolution: '-5' }, 'invalid resolution: -5 is not between'],
  [
    { from: MONTH, to: '2026-07-02T00:00:00Z', resolution: '1' },
    'invalid resolution: 86400 s in steps of 1 s are 86400, at most 720: ask for 120',
  ],
  [{ path: '../etc' }, 'invalid path name'],
] as const)('%j is refused: %s', async ([query, message]) => {
  using setup = openIndex();
  const asked = { path: 'cam', from: undefined, to: undefined, resolution: undefined, ...query };
  const answer = Promise.resolve().then(() => timelineOf(setup.catalog, timelineQuery(asked), 'UTC'));
  await expect(answer).rejects.toThrow(message);
  await expect(answer).rejects.toMatchObject({ code: 'badInput' });
});

test('times are in the requested zone', () => {
  const { from } = timelineQuery({ path: 'cam', from: '2026-07-01T02:00:00 02:00', to: MONTH, resolution: '' });
  expect(from).toEqual(parseRfc3339('2026-07-01T02:00:00+02:00'));
});
