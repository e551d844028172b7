import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import { LinkedBoxes } from '../../../../agent/auth/pairing/linked-boxes.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { parseConfig } from '../../../../agent/config/load/load.ts';
import { BoxEvents } from '../../../../agent/features/boxes/events/box-events.ts';
import { type BoxClient, BoxRequests } from '../../../../agent/features/boxes/requests/box-requests.ts';
import type { CameraEvent } from '../../../../agent/record/events/event.ts';
import { GapJournal } from '../../../../agent/record/gaps/gap-journal.ts';
import { FlushPoint } from '../../../../agent/record/write/flush.ts';
import { CameraEvents } from '../../../../agent/recordings/events.ts';
import { FakeClock } from '../../../support/base/fake-clock.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { KEYS } from '../../../support/harness/loaded-config.ts';
import { openPlayback } from '../../../support/harness/playback.ts';
import { plainBoxes, scriptedBox } from './plain-box.ts';

export const configOf = (cameras: Readonly<Record<string, string>>) => ({
  paths: new Map(Object.entries(cameras).map(([name, source]) => [name, { name, settings: { source } }])),
});
export const YARD = configOf({
  'house/yard': 'perch://00000000000000b1/yard',
  'house/door': 'perch://00000000000000b1/door',
});

const fromMsOf = (url: string): number => Date.parse(new URL(url, 'http://box').searchParams.get('from') ?? '');

export const outage = (id: string, path: string, start: string, end: string | null) => ({
  ...{ id, path, start, end, type: 'perch.offline', text: '', picture: null, seen: null },
});

/** A server and a box with an event stream and a list. */
export async function startEventServer() {
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
  const boxLinks = new LinkedBoxes();
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
  const open = () => new BoxEvents({ dataDir: folder.path, requests, recordings, clock, log: silentLogger, boxLinks });
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
    ...{ clock, box, streams, lastIds, lists, outages, refusals, announced, at, pause, playback, events },
    bus: boxLinks.bus,
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
    labelled: (path: string) =>
      playback.events
        .newestOf(path, { fromUs: 0, toUs: Number.MAX_SAFE_INTEGER, limit: 1_000 })
        .map(({ id, labels }) => [id, labels?.map(({ type }) => type)]),
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
