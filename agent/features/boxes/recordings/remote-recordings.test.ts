import type { RequestListener } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import {
  joinedServer,
  openTestPlayback,
  servePlayback,
} from '../../../../test/features/boxes/support/joined-server.ts';
import { plainBoxes, scriptedBox } from '../../../../test/features/boxes/support/plain-box.ts';
import { record } from '../../../../test/support/disks/recordings.ts';
import { testInZone } from '../../../../test/support/harness/time-zone.ts';
import { systemClock } from '../../../base/clock.ts';
import { BoxRequests } from '../requests/box-requests.ts';
import { RemoteRecordings } from './remote-recordings.ts';

testInZone('UTC');

/** A server whose path `yard` is `cam` of the box at a port. */
const serverOf = async (port: () => number | undefined): Promise<string> => (await joinedServer(port)).url;

async function openPair() {
  const { folder, playback } = openTestPlayback();
  await record(folder, 6);
  const box = await servePlayback(playback);
  const server = await serverOf(() => Number(new URL(box).port));
  return { box: `${box}/playback`, server: `${server}/playback` };
}

async function scripted(answer: RequestListener): Promise<string> {
  const box = await scriptedBox(answer);
  onTestFinished(() => box[Symbol.asyncDispose]());
  return `${await serverOf(() => box.port)}/playback`;
}

const bytesOf = async (address: string, init: RequestInit = {}) => {
  const answer = await fetch(address, init);
  return { answer, bytes: Buffer.from(await answer.arrayBuffer()) };
};
const PERIOD = 'start=2026-07-01T12:00:01Z&duration=3';

test('a list has the times of the box, and addresses of this server', async () => {
  const { server } = await openPair();
  const list = await (await fetch(`${server}/list?path=yard`)).json();
  const url = 'https://server.lan/playback/get?duration=6&path=yard&start=2026-07-01T12%3A00%3A00Z';
  expect(list).toEqual([{ start: '2026-07-01T12:00:00Z', duration: 6, url }]);
  const part = await (
    await fetch(`${server}/list?path=yard&start=2026-07-01T12:00:02Z&end=2026-07-01T12:00:03Z`)
  ).json();
  expect(part).toMatchObject([{ start: '2026-07-01T12:00:02Z', duration: 1 }]);
});

test.for(['fmp4', 'mp4'])('%s: whole, ranges, head and tag are those of the box', async (format) => {
  const { box, server } = await openPair();
  const query = `${PERIOD}&format=${format}`;
  const theirs = await bytesOf(`${box}/get?path=cam&${query}`);
  const ours = await bytesOf(`${server}/get?path=yard&${query}&token=secret`);
  expect(ours.answer.status).toBe(200);
  expect(ours.bytes.length).toBeGreaterThan(1_000);
  expect(ours.bytes.equals(theirs.bytes)).toBe(true);
  const same = ['content-type', 'content-length', 'etag', 'accept-ranges', 'cache-control', 'perch-ends'];
  for (const name of same) {
    expect(ours.answer.headers.get(name), name).toBe(theirs.answer.headers.get(name));
  }
  const etag = ours.answer.headers.get('etag') ?? '';
  for (const range of ['bytes=0-0', 'bytes=100-999', 'bytes=-50', `bytes=${ours.bytes.length - 1}-`]) {
    const part = await bytesOf(`${server}/get?path=yard&${query}`, { headers: { Range: range, 'If-Range': etag } });
    expect(part.answer.status).toBe(206);
    const [, from, to] = /^bytes (\d+)-(\d+)/.exec(part.answer.headers.get('content-range') ?? '') ?? [];
    expect(part.bytes.equals(ours.bytes.subarray(Number(from), Number(to) + 1))).toBe(true);
  }
  const beyond = await bytesOf(`${server}/get?path=yard&${query}`, { headers: { Range: 'bytes=99999999-' } });
  expect(beyond.answer.status).toBe(416);
  expect(beyond.answer.headers.get('content-range')).toBe(`bytes */${ours.bytes.length}`);
  const head = await fetch(`${server}/get?path=yard&${query}`, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(ours.bytes.length)]);
  const known = await fetch(`${server}/get?path=yard&${query}`, { headers: { 'If-None-Match': etag } });
  expect(known.status).toBe(304);
});

test('a download has the name of the camera here', async () => {
  const { server } = await openPair();
  const answer = await fetch(`${server}/get?path=yard&${PERIOD}&download`, { method: 'HEAD' });
  expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename="Back yard_2026-07-01T/);
});

test('HLS and pictures are those of the box, at addresses of this server', async () => {
  const { box, server } = await openPair();
  const main = await (await fetch(`${server}/yard/index.m3u8?${PERIOD}`)).text();
  expect(main).toBe(await (await fetch(`${box}/cam/index.m3u8?${PERIOD}`)).text());
  const media = main.split('\n').find((line) => line.startsWith('media.m3u8')) ?? '';
  const playlist = await fetch(`${server}/yard/${media}`);
  expect(playlist.headers.get('content-type')).toBe('application/vnd.apple.mpegurl');
  const name = /^vod\/.*/m.exec(await playlist.text())?.[0] ?? '';
  const theirs = await bytesOf(`${box}/cam/${name}`, { headers: { Range: 'bytes=0-999' } });
  const ours = await bytesOf(`${server}/yard/${name}`, { headers: { Range: 'bytes=0-999' } });
  expect([ours.answer.status, ours.bytes.equals(theirs.bytes)]).toEqual([206, true]);
  const frame = await bytesOf(`${server}/yard/frame.mp4?time=2026-07-01T12:00:02Z`);
  expect(frame.answer.headers.get('perch-time')).toMatch(/^2026-07-01T12:00:0/);
  expect(frame.bytes.equals((await bytesOf(`${box}/cam/frame.mp4?time=2026-07-01T12:00:02Z`)).bytes)).toBe(true);
});

test.for([
  ['get?path=yard&start=2027-01-01T00:00:00Z&duration=1', 404, 'no recording segments found'],
  ['get?path=yard&start=2026-07-01T12:00:00Z&duration=1&speed=3', 400, "invalid speed: '3'"],
  ['list?path=yard&start=2027-01-01T00:00:00Z', 404, 'no recording segments found'],
  ['list?path=other', 404, 'no recording segments found'],
] as const)('%s is answered with %d: %s', async ([address, status, message]) => {
  const { server } = await openPair();
  const answer = await fetch(`${server}/${address}`);
  expect(answer.status).toBe(status);
  expect(await answer.text()).toContain(message);
});

test('a box that is away is a 503 with since', async () => {
  const server = await serverOf(() => undefined);
  for (const address of ['list?path=yard', `get?path=yard&${PERIOD}`, `yard/index.m3u8?${PERIOD}`]) {
    const answer = await fetch(`${server}/playback/${address}`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ status: 'error', why: 'boxAway', since: expect.stringMatching(/Z$/) });
  }
});

test('a box cannot send a page, a cookie, a redirect, or a playlist that leads elsewhere', async () => {
  const page = await scripted((_, response) => {
    const headers = { 'Content-Type': 'text/html', 'Set-Cookie': 'a=b', 'Content-Disposition': 'inline', ETag: 'x"y' };
    response.writeHead(200, { ...headers, 'Access-Control-Allow-Origin': '*' }).end('<script>1</script>');
  });
  const answer = await fetch(`${page}/get?path=yard&${PERIOD}`);
  const names = ['content-type', 'x-content-type-options', 'set-cookie', 'content-disposition', 'etag'];
  expect(names.map((name) => answer.headers.get(name))).toEqual(['video/mp4', 'nosniff', null, null, null]);
  expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  const away = await scripted((_, response) => response.writeHead(302, { Location: 'http://evil.example' }).end());
  expect((await fetch(`${away}/get?path=yard&${PERIOD}`, { redirect: 'manual' })).status).toBe(503);
  const list = await scripted((_, response) => response.end('#EXTM3U\nhttps://evil.example/1.mp4\n'));
  expect((await fetch(`${list}/yard/index.m3u8?${PERIOD}`)).status).toBe(503);
});

test('a download whose box goes away ends, and does not look complete', async () => {
  const server = await scripted((_, response) => {
    response.writeHead(200, { 'Content-Length': '1000' }).write('x'.repeat(100));
    setImmediate(() => response.destroy());
  });
  await expect(bytesOf(`${server}/get?path=yard&${PERIOD}`)).rejects.toThrow();
});

test('a client that leaves ends the request at the box, and a slow one holds the box back', async () => {
  const left = Promise.withResolvers<number>();
  const server = await scripted((_, response) => {
    let sent = 0;
    const chunk = Buffer.alloc(1 << 16);
    const fill = (): void => {
      while (!response.destroyed && response.write(chunk)) {
        sent += chunk.length;
      }
    };
    response.writeHead(200, { 'Content-Length': String(1 << 30) }).on('drain', fill);
    response.once('close', () => left.resolve(sent));
    fill();
  });
  const client = new AbortController();
  const answer = await fetch(`${server}/get?path=yard&${PERIOD}`, { signal: client.signal });
  await answer.body?.getReader().read();
  client.abort();
  // Buffers of the sockets, not the whole gigabyte.
  expect(await left.promise).toBeLessThan(64 << 20);
});

test('the box gets no parameter but those of its addresses', async () => {
  const asked: string[] = [];
  const server = await scripted((request, response) => {
    asked.push(request.url ?? '', JSON.stringify(request.headers));
    response.end();
  });
  const headers = { Authorization: 'Basic c2VjcmV0', Cookie: 'session=secret' };
  await fetch(`${server}/get?path=yard&${PERIOD}&token=secret&user=secret&jwt=secret`, { headers });
  expect(asked[0]).toBe('/playback/get?path=cam&start=2026-07-01T12%3A00%3A01Z&duration=3');
  expect(asked.join()).not.toMatch(/secret|c2VjcmV0/);
});

test('the newest picture is a JPEG of the box, or none', async () => {
  let body = Buffer.from([0xff, 0xd8, 0xff, 0xd9]);
  await using box = await scriptedBox((_, response) => response.end(body));
  const recordings = new RemoteRecordings({
    requests: new BoxRequests(
      plainBoxes(() => box.port),
      systemClock,
    ),
    clock: systemClock,
    remoteOf: () => ({ box: 'house', path: 'cam' }),
    titleOf: () => undefined,
  });
  const { signal } = new AbortController();
  expect(Buffer.from(await recordings.picture('yard', signal)).equals(body)).toBe(true);
  expect(box.asked[0]).toMatch(/^\/playback\/cam\/picture\.jpg\?time=20\d\d-/);
  body = Buffer.from('<script>');
  await expect(recordings.picture('yard', signal)).rejects.toThrow('a picture that is no JPEG');
});
