import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import {
  joinedServer,
  openTestPlayback,
  servePlayback,
} from '../../../../test/features/boxes/support/joined-server.ts';
import { record, WALL } from '../../../../test/support/disks/recordings.ts';
import { readPlainMp4 } from '../../../../test/support/media/read-mp4.ts';

const at = (second: number) => new Date(WALL + second * 1000).toISOString().replace('.000Z', 'Z');

/** The box has the seconds 0 to 40, the server 10 to 20 and 30 to 35; a key frame each second. */
async function openBoth({ sound = true, ownSound = true } = {}) {
  const box = openTestPlayback();
  await record(box.folder, 40, { sound });
  const url = await servePlayback(box.playback);
  const own = openTestPlayback();
  await record(own.folder, 10, { path: 'yard', wall: WALL + 10_000, sound: ownSound });
  await record(own.folder, 5, { path: 'yard', wall: WALL + 30_000, sound: ownSound });
  return { box: Number(new URL(url).port), own };
}

async function openServer(options = {}) {
  const { box, own } = await openBoth(options);
  return (await joinedServer(() => box, own)).url;
}

const get = (url: string, query: string, headers = {}) => fetch(`${url}/playback/get?path=yard&${query}`, { headers });

/** Tenths of a second at which pictures are shown. */
async function shownTenths(url: string, query: string): Promise<readonly number[]> {
  const answer = await get(url, query);
  expect([answer.status, answer.headers.get('perch-ends')]).toEqual([200, null]);
  const film = readPlainMp4(Buffer.from(await answer.arrayBuffer()));
  expect(film.size).toBe(2);
  const sound = (film.get(2) ?? []).map(({ shownTime }) => shownTime / 48);
  for (const [i, ms] of sound.entries()) {
    expect(ms - (sound[i - 1] ?? ms - 20)).toBeCloseTo(20, 0);
  }
  return (film.get(1) ?? []).map(({ shownTime }) => Math.round(shownTime / 9_000));
}

test('a film over both sides has each picture once, with its sound', async () => {
  const url = await openServer();
  const tenths = Array.from({ length: 400 }, (_, i) => i);
  expect(await shownTenths(url, `start=${at(0)}&duration=40&format=mp4`)).toEqual(tenths);
  for (const [from, to] of [
    [3.4, 12.4],
    [7.5, 13],
    [12.3, 32.5],
    [17.9, 22.1],
    [22.7, 37.7],
    [0.5, 39.5],
  ] as const) {
    const seconds = Number((to - from).toFixed(1));
    const shown = await shownTenths(url, `start=${at(from)}&duration=${seconds}&format=mp4`);
    expect(shown.filter((tenth) => tenth >= 0)).toEqual(tenths.slice(0, Math.round(seconds * 10)));
  }
});

test('ranges of such a film are those of the whole, in both formats and with speed', async () => {
  const url = await openServer();
  for (const form of ['format=mp4', 'format=fmp4', 'speed=4', 'gaps=skip']) {
    const query = `start=${at(4)}&duration=34&${form}`;
    const whole = await get(url, query);
    const bytes = Buffer.from(await whole.arrayBuffer());
    expect([whole.status, bytes.length]).toEqual([200, Number(whole.headers.get('content-length'))]);
    const from = Math.floor(bytes.length / 3);
    const headers = { Range: `bytes=${from}-${from + 999}`, 'If-Range': whole.headers.get('etag') ?? '' };
    const part = await get(url, query, headers);
    expect(part.status).toBe(206);
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(from, from + 1000))).toBe(true);
  }
});

test('a film ends where the other side has other tracks, and its answer names the time to resume at', async () => {
  const url = await openServer({ sound: true, ownSound: false });
  const first = await get(url, `start=${at(12)}&duration=25`);
  expect([first.status, first.headers.get('perch-ends')]).toEqual([200, `codec-change; resume="${at(20)}"`]);
  const second = await get(url, `start=${at(20)}&duration=17`);
  expect([second.status, second.headers.get('perch-ends')]).toEqual([200, `codec-change; resume="${at(30)}"`]);
});

/** Forwards to a box what `spoils` returns undefined for. */
async function spoiledBox(port: number, spoils: (target: string) => number | 'hangUp' | undefined): Promise<number> {
  const proxy = createServer((incoming, outgoing) => {
    const fault = spoils(incoming.url ?? '');
    if (typeof fault === 'number') {
      outgoing.writeHead(fault, { 'Content-Range': 'bytes 0-99/100', ETag: '"a"' }).end('x'.repeat(100));
    } else if (fault === 'hangUp') {
      outgoing.destroy();
    } else {
      const options = {
        host: '127.0.0.1',
        port,
        method: incoming.method,
        path: incoming.url,
        headers: incoming.headers,
      };
      request(options, (answer) => answer.pipe(outgoing.writeHead(answer.statusCode ?? 0, answer.headers))).end();
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return (proxy.address() as AddressInfo).port;
}

test.for([206, 200, 'hangUp'] as const)(
  'a box with damaged films (%s): each side is a film of its own',
  async (fault) => {
    const { box, own } = await openBoth();
    const port = await spoiledBox(box, (target) => (/format=mp4/.test(target) ? fault : undefined));
    const { url } = await joinedServer(() => port, own);
    const answer = await get(url, `start=${at(12)}&duration=25`);
    // It has the beginning, and then another film is asked for.
    expect([answer.status, answer.headers.get('perch-ends')]).toEqual([
      200,
      expect.stringContaining(`resume="${at(20)}"`),
    ]);
  },
);

test('a film of several cameras has those of boxes', async () => {
  const url = await openServer();
  const answer = await fetch(`${url}/playback/film?path=yard&path=yard&start=${at(5)}&duration=20`);
  const zip = Buffer.from(await answer.arrayBuffer());
  expect([answer.status, zip.length]).toEqual([200, Number(answer.headers.get('content-length'))]);
  expect(zip.subarray(0, 4).toString('latin1')).toBe('PK\x03\x04');
});

test('a film of cameras whose box is away says so', async () => {
  const { url } = await joinedServer(() => 1);
  const answer = await fetch(`${url}/playback/film?path=yard&start=${at(5)}&duration=20`);
  expect([answer.status, await answer.json()]).toEqual([503, expect.objectContaining({ why: 'boxAway' })]);
  const { own } = await openBoth();
  const other = await joinedServer(() => 1, own);
  const half = await fetch(`${other.url}/playback/film?path=yard&start=${at(5)}&duration=20`);
  expect([half.status, half.headers.get('perch-missing')]).toEqual([200, expect.stringMatching(/^boxAway/)]);
});
