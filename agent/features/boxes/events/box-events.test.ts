import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { plainBoxes, scriptedBox } from '../../../../test/features/boxes/support/plain-box.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { KEYS } from '../../../../test/support/harness/loaded-config.ts';
import { openPlayback } from '../../../../test/support/harness/playback.ts';
import { silentLogger } from '../../../base/log.ts';
import { parseConfig } from '../../../config/load/load.ts';
import type { CameraEvent } from '../../../record/events/event.ts';
import { GapJournal } from '../../../record/gaps/gap-journal.ts';
import { FlushPoint } from '../../../record/write/flush.ts';
import { CameraEvents } from '../../../recordings/events.ts';
import { type BoxClient, BoxRequests } from '../requests/box-requests.ts';
import { BoxEvents } from './box-events.ts';

const configOf = (cameras: Readonly<Record<string, string>>) => ({
  paths: new Map(Object.entries(cameras).map(([name, source]) => [name, { name, settings: { source } }])),
});
const YARD = configOf({ 'house/yard': 'perch://00000000000000b1/yard', 'house/door': 'perch://00000000000000b1/door' });

const HOUR_S = 3_600;

const fromMsOf = (url: string): number => Date.parse(new URL(url, 'http://box').searchParams.get('from') ?? '');

const outage = (id: string, path: string, start: string, end: string | null) => ({
  ...{ id, path, start, end, type: 'perch.offline', text: '', picture: null, seen: null },
});

/** A server and a box with an event stream and a list. */
async function start() {
  const folder = temporaryFolder();
  const clock = new FakeClock();
  const playback = openPlayback(folder.path);
  const flush = new FlushPoint(clock, 5_000);
  const { config } = parseConfig('', 'perch.yml', {}, { recordPath: '/data/%path/%s%f', cwd: '/', keys: KEYS });
  const events = new CameraEvents({
    ...{ config: () => config ?? expect.fail(), dataDir: folder.path, clock, log: silentLogger, flush },
    ...{ keptMs: () => undefined, isClockTrusted: () => true, index: playback.events },
  });
  const streams: ServerResponse[] = [];
  const lastIds: (string | undefined)[] = [];
  const lists: { items: object[]; next: string | null }[] = [];
  const outages: ReturnType<typeof outage>[] = [];
  /** Statuses of the next answers to requests for outages. */
  const refusals: number[] = [];
  const box = await scriptedBox((request, response) => {
    if (request.url?.includes('types=perch.offline')) {
      const fromMs = fromMsOf(request.url);
      const items = outages.filter(({ end }) => end === null || Date.parse(end) >= fromMs);
      response.writeHead(refusals.shift() ?? 200).end(JSON.stringify({ items, next: null }));
    } else if (request.url?.startsWith('/v3/events/list')) {
      response.end(JSON.stringify(lists.shift() ?? { items: [], next: null }));
    } else {
      streams.push(response);
      lastIds.push(request.headers['last-event-id']?.toString());
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('retry: 3000\nid: run-7\n\n');
    }
  });
  const announced: CameraEvent[] = [];
  events.hub.listen((event) => announced.push(event));
  const client = plainBoxes(() => box.port);
  let underWay = 0;
  const counting: BoxClient = {
    ...client,
    request: async (...asked) => {
      underWay += 1;
      return client.request(...asked).finally(() => {
        underWay -= 1;
      });
    },
  };
  const requests = new BoxRequests(counting, clock);
  /** Lets the link wait for its next connection, and not for an answer that is on its way. */
  const pause = async () => {
    if (underWay === 0 && streams.at(-1)?.closed) {
      await clock.advance(3_000);
    }
  };
  const gaps = new GapJournal({
    ...{ folder: join(folder.path, 'gaps'), clock, logger: silentLogger, index: playback.events },
    ...{ isClockTrusted: () => true, lastAliveMs: () => undefined },
    factsOf: () => ({ isAroundEvents: false, diskState: undefined }),
  });
  const recordings = { events, playback, addOutage: (outage: CameraEvent) => gaps.addReported(outage) };
  const open = () => new BoxEvents({ dataDir: folder.path, requests, recordings, clock, log: silentLogger });
  let following = open();
  onTestFinished(async () => {
    await following.close();
    await box[Symbol.asyncDispose]();
    await events.close();
    await gaps.close();
    await flush.close();
    await playback.close();
    folder[Symbol.dispose]();
  });
  const at = (seconds: number): string => new Date(clock.wallMs() + seconds * 1000).toISOString();
  return {
    ...{ clock, box, streams, lastIds, lists, outages, refusals, announced, at, pause, playback },
    /** From when outages were asked for, in Unix ms, by request. */
    outagesFromMs: () => box.asked.filter((url) => url.includes('types=perch.offline')).map(fromMsOf),
    /** As in the list of events. */
    listed: async (path: string) => {
      const query = { to: { us: clock.wallMs() * 1000 + 1, offsetMs: 0 }, limit: 50, isUnseen: false };
      const all = { ...query, from: undefined, types: undefined, before: undefined, path };
      const { items } = await playback.listEvents(all, () => true);
      return items.map(({ id, type, end }) => [id, type, end === null ? 'ongoing' : 'over']);
    },
    offlineHere: (path: string, id: string, startUs: number, endUs: number) =>
      gaps.addReported({ id, path, type: 'offline', source: 'perch', text: '', startUs, endUs }),
    apply: (config: ReturnType<typeof configOf>) => following.apply(config as never),
    restart: async () => {
      await following.close();
      following = open();
    },
    send: (id: number, event: object) =>
      streams
        .at(-1)
        ?.write(`id: run-${id}\nevent: event\ndata: ${JSON.stringify({ text: '', end: null, ...event })}\n\n`),
    stored: (path: string) =>
      playback.events.newestOf(path, { fromUs: 0, toUs: Number.MAX_SAFE_INTEGER, limit: 1_000 }).map(({ id }) => id),
    streaming: (count: number) => vi.waitFor(() => expect(streams).toHaveLength(count)),
    /** Time passes until the link has connected again. */
    reconnected: (count: number) =>
      vi.waitFor(async () => {
        await pause();
        expect(streams).toHaveLength(count);
      }),
  };
}

test('one stream brings the events of all cameras of a box to their paths here, and to listeners', async () => {
  const { apply, send, streaming, announced, stored, at, box } = await start();
  await apply(YARD);
  await streaming(1);
  send(8, { id: 'a', path: 'yard', type: 'person', start: at(0) });
  send(9, { id: 'b', path: 'door', type: 'doorbell', start: at(0), end: at(1), text: 'ding' });
  send(10, { id: 'c', path: 'not-chosen', type: 'person', start: at(0) });
  send(11, { id: 'a', path: 'yard', type: 'person', start: at(0), end: at(4) });
  await vi.waitFor(() => expect(announced).toHaveLength(3));
  expect(announced.map(({ id, path, type, endUs, source }) => [id, path, type, endUs !== undefined, source])).toEqual([
    ['a', 'house/yard', 'person', false, 'camera'],
    ['b', 'house/door', 'doorbell', true, 'camera'],
    ['a', 'house/yard', 'person', true, 'camera'],
  ]);
  expect([stored('house/yard'), stored('house/door'), stored('not-chosen')]).toEqual([['a'], ['b'], []]);
  expect(box.asked.filter((url) => url.startsWith('/v3/events?'))).toEqual(['/v3/events?types=event']);
});

test('the first contact fetches past events page by page and sends no notifications', async () => {
  const { apply, streaming, announced, stored, at, lists, box } = await start();
  const past = (id: string, hours: number, path = 'yard') => {
    const times = { start: at(-hours * 3_600), end: at(-hours * 3_600 + 5) };
    return { id, path, type: 'motion', ...times, text: '', picture: null, seen: null };
  };
  lists.push({ items: [past('p1', 1), past('p2', 2), past('other', 2, 'not-chosen')], next: 'more' });
  lists.push({ items: [past('p3', 50), { ...past('p4', 60), type: 'perch.offline' }], next: null });
  await apply(YARD);
  await streaming(1);
  await vi.waitFor(() => expect(stored('house/yard')).toEqual(['p1', 'p2', 'p3']));
  expect(announced).toEqual([]);
  expect(box.asked.filter((url) => url.includes('before=more'))).toHaveLength(1);
});

test("outages of a box's cameras are in the list of events, once, and their ends follow", async () => {
  const { apply, streaming, streams, outages, at, listed, clock, outagesFromMs, offlineHere } = await start();
  offlineHere('house/door', 'own', (clock.wallMs() - 500_000) * 1000, (clock.wallMs() - 300_000) * 1000);
  outages.push(outage('o1', 'yard', at(-600), null), outage('o2', 'yard', at(-9_000), at(-8_000)));
  outages.push(outage('o3', 'door', at(-490), at(-310)), outage('o4', 'not-chosen', at(-600), null));
  outages.push({ ...outage('o5', 'yard', at(-600), null), type: 'motion' });
  await apply(YARD);
  await streaming(1);
  await vi.waitFor(async () =>
    expect(await listed('house/yard')).toEqual([
      ['o1', 'perch.offline', 'ongoing'],
      ['o2', 'perch.offline', 'over'],
    ]),
  );
  // The path was recorded here at that time, and has its own.
  expect(await listed('house/door')).toEqual([['own', 'perch.offline', 'over']]);
  outages.splice(0, outages.length, outage('o1', 'yard', at(-600), at(60)));
  await vi.waitFor(
    async () => {
      streams.at(-1)?.write(':\n\n');
      await clock.advance(10_000);
      expect((await listed('house/yard'))[0]).toEqual(['o1', 'perch.offline', 'over']);
    },
    { timeout: 10_000 },
  );
  // From the start of the one that was ongoing.
  expect(outagesFromMs()[1]).toBeLessThan(clock.wallMs() - 700_000);
});

test('outages that began and ended during hours without a connection are fetched', async () => {
  const { apply, streaming, reconnected, streams, outages, at, listed, clock } = await start();
  outages.push(outage('before', 'yard', at(-600), at(-500)));
  await apply(YARD);
  await streaming(1);
  await vi.waitFor(async () => expect(await listed('house/yard')).toEqual([['before', 'perch.offline', 'over']]));
  clock.skip(5 * HOUR_S * 1000);
  streams[0]?.destroy();
  outages.push(outage('missed', 'yard', at(-4 * HOUR_S), at(-3 * HOUR_S)));
  await reconnected(2);
  await vi.waitFor(async () =>
    expect(await listed('house/yard')).toEqual([
      ['missed', 'perch.offline', 'over'],
      ['before', 'perch.offline', 'over'],
    ]),
  );
});

test('after requests for outages that failed, the next one asks for the same time', async () => {
  const { apply, streaming, reconnected, streams, outages, refusals, at, listed, clock, outagesFromMs } = await start();
  outages.push(outage('long', 'yard', at(-4 * HOUR_S), null));
  await apply(YARD);
  await streaming(1);
  await vi.waitFor(async () => expect(await listed('house/yard')).toEqual([['long', 'perch.offline', 'ongoing']]));
  const sinceLongMs = clock.wallMs() - 5 * HOUR_S * 1000;
  clock.skip(5 * HOUR_S * 1000);
  streams[0]?.destroy();
  refusals.push(503, 503);
  outages.splice(0, 1, outage('long', 'yard', at(-9 * HOUR_S), at(-4 * HOUR_S)));
  await reconnected(4);
  await vi.waitFor(async () => expect(await listed('house/yard')).toEqual([['long', 'perch.offline', 'over']]));
  // From an hour before the ongoing outage.
  expect(outagesFromMs().slice(1)).toEqual([sinceLongMs, sinceLongMs, sinceLongMs]);
});

test('a first request for outages that fails is followed by one for the last month, too', async () => {
  const { apply, streaming, reconnected, outages, refusals, at, listed } = await start();
  outages.push(outage('old', 'yard', at(-90 * HOUR_S), at(-80 * HOUR_S)));
  refusals.push(503);
  await apply(YARD);
  await streaming(1);
  await reconnected(2);
  await vi.waitFor(async () => expect(await listed('house/yard')).toEqual([['old', 'perch.offline', 'over']]));
});

test('a connection that ends is resumed after the last event, also by the next run of the program', async () => {
  const { apply, restart, send, streaming, reconnected, streams, lastIds, lists, announced, at, box } = await start();
  await apply(YARD);
  await streaming(1);
  send(8, { id: 'a', path: 'yard', type: 'person', start: at(0), end: at(1) });
  await vi.waitFor(() => expect(announced).toHaveLength(1));
  streams[0]?.destroy();
  await reconnected(2);
  expect(lastIds).toEqual([undefined, 'run-8']);
  send(9, { id: 'b', path: 'yard', type: 'person', start: at(0), end: at(1) });
  await vi.waitFor(() => expect(announced).toHaveLength(2));
  await restart();
  await apply(YARD);
  await streaming(3);
  expect(lastIds[2]).toBe('run-9');
  // Only the first contact asked for earlier events.
  expect(box.asked.filter((url) => url.startsWith('/v3/events/list') && !url.includes('types='))).toHaveLength(1);
  expect(lists).toEqual([]);
});

test('events that the box no longer has in its stream come from its list, each once', async () => {
  const { apply, send, streaming, reconnected, streams, lists, announced, stored, at } = await start();
  await apply(YARD);
  await streaming(1);
  const known = { id: 'a', path: 'yard', type: 'person', start: at(0), end: at(1), text: '' };
  send(8, known);
  await vi.waitFor(() => expect(announced).toHaveLength(1));
  streams[0]?.destroy();
  lists.push({ items: [{ ...known, id: 'missed', start: at(-60), end: at(-50) }, known], next: null });
  await reconnected(2);
  streams[1]?.write('event: gap\ndata: {"missed":null}\n\n');
  await vi.waitFor(() => expect(stored('house/yard')).toEqual(['a', 'missed']));
  expect(announced).toHaveLength(1);
});

test('a camera that is added gets its earlier events, and a removed box is left', async () => {
  const { apply, send, streaming, reconnected, streams, lists, stored, at, box } = await start();
  await apply(configOf({ 'house/yard': 'perch://00000000000000b1/yard' }));
  await streaming(1);
  // It is known where the stream was.
  send(8, { id: 'a', path: 'yard', type: 'motion', start: at(0), end: at(1) });
  await vi.waitFor(() => expect(stored('house/yard')).toEqual(['a']));
  lists.push({
    items: [{ id: 'd', path: 'door', type: 'motion', start: at(-500), end: at(-490), text: '' }],
    next: null,
  });
  await apply(YARD);
  await reconnected(2);
  await vi.waitFor(() => expect(stored('house/door')).toEqual(['d']));
  expect(box.asked.findLast((url) => !url.includes('types='))).toContain('path=door');
  const left = new Promise<void>((resolve) => streams[1]?.once('close', resolve));
  await apply(configOf({ cam: 'rtsp://camera/1' }));
  await left;
});

test.for([
  ['an endless line', (): string => 'x'.repeat(40_000)],
  ['no JSON', (): string => 'event: event\ndata: {{{\n\n'],
  ['an event of the future', (): string => event({ start: '2099-01-01T00:00:00Z' })],
  ['an event without times', (): string => event({ start: null })],
  ['an event of another form', (): string => 'event: event\ndata: [1,2]\n\n'],
  ['an id that is none', (): string => `id: ${'\u0007'.repeat(100)}\ndata: x\n\n`],
] as const)('a box that sends %s does no harm', async ([, text]) => {
  const { apply, send, streaming, streams, announced, at, clock, pause } = await start();
  await apply(YARD);
  await streaming(1);
  streams[0]?.write(text());
  await vi.waitFor(async () => {
    await pause();
    send(20, { id: `ok${clock.monoMs()}`, path: 'yard', type: 'person', start: at(0), end: at(1) });
    expect(announced.some(({ id }) => id.startsWith('ok'))).toBe(true);
  });
});

const event = (wrong: object): string =>
  `event: event\ndata: ${JSON.stringify({ id: 'x', path: 'yard', type: 'person', start: '2026-01-01T00:00:00Z', end: null, ...wrong })}\n\n`;
