import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { listenLocally } from '../../../../test/support/base/local-listener.ts';
import { openLiveHarness, turns, WEBSOCKET_FIELDS } from '../../../../test/support/harness/http/live-harness.ts';
import { openAccess } from '../../../../test/support/harness/http/open-access.ts';
import { tinyH264, tinyVideo } from '../../../../test/support/media/tiny-h264.ts';
import { systemClock } from '../../../base/clock.ts';
import { silentLogger } from '../../../base/log.ts';
import { createHttpApp } from '../../../http/listener/app.ts';
import { parseFragment, parseInit } from '../../../media/mp4/read/read.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import type { AacTrack, Track } from '../../../media/sample/track.ts';
import { Stream } from '../../../stream/stream.ts';
import { liveAddresses, parseLiveAddress } from './addresses.ts';
import { LiveServer } from './live-server.ts';

const aac: AacTrack = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 48_000,
  channels: 2,
  config: Uint8Array.of(0x11, 0x90),
  frameSamples: 1024,
};
const g711: Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };

/** A key picture, and `pictures` at 25 Hz in all. */
function feed(stream: Stream, pictures: number, from = 0): void {
  for (const picture of tinyVideo(pictures, 25, pictures, from * 3600)) {
    stream.write(0, picture);
  }
}

/** Reads a body up to a number of fragments, or to its end. */
class FileReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #bytes = Buffer.alloc(0);
  hasEnded = false;

  constructor(response: Response) {
    this.#reader = (response.body as ReadableStream<Uint8Array>).getReader();
  }

  get init() {
    return parseInit(this.#bytes);
  }

  get fragments() {
    const fragments = [];
    for (let at = this.init?.sizeBytes ?? Number.POSITIVE_INFINITY; at < this.#bytes.length; ) {
      const fragment = parseFragment(this.#bytes, at);
      if (!fragment) {
        break;
      }
      at += fragment.sizeBytes;
      if (at <= this.#bytes.length) {
        fragments.push(fragment);
      }
    }
    return fragments;
  }

  async read(fragments: number): Promise<this> {
    while (this.fragments.length < fragments && !this.hasEnded) {
      const { done, value } = await this.#reader.read();
      this.hasEnded = done;
      this.#bytes = Buffer.concat([this.#bytes, value ?? Buffer.alloc(0)]);
    }
    return this;
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

test('a file starts with the last key frame at time 0 and continues with the stream', async () => {
  const box = await openLiveHarness();
  const stream = box.add('yard/cam', new Stream([tinyH264, aac]));
  feed(stream, 50);
  feed(stream, 5, 50);
  const answer = await fetch(`${box.url}/yard/cam/live.mp4?x=1`, { headers: { Range: 'bytes=0-1' } });
  expect(answer.status).toBe(200);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-type': 'video/mp4',
    'cache-control': 'no-store',
    'accept-ranges': 'none',
    'transfer-encoding': 'chunked',
  });
  const file = await new FileReader(answer).read(5);
  expect(file.init?.tracks.length).toBe(2);
  stream.write(0, { ...(tinyVideo(1, 25, 1, 55 * 3600)[0] as Sample), key: false });
  await file.read(6);
  expect(file.fragments.map(({ runs }) => runs[0]?.baseTime)).toEqual([0, 3600, 7200, 10_800, 14_400, 18_000]);
  expect(box.asked).toEqual(['yard/cam?x=1']);
  await file.cancel();
});

test('audio older than the first picture is dropped', async () => {
  const box = await openLiveHarness();
  const stream = box.add('cam', new Stream([tinyH264, aac]));
  feed(stream, 1, 25);
  for (let pts = 48_000 - 5 * 1024; pts < 49_000; pts += 1024) {
    stream.write(1, { pts, dts: pts, wall: 0, key: true, data: Uint8Array.of(1) });
  }
  stream.write(0, { ...(tinyVideo(1, 25, 1, 26 * 3600)[0] as Sample), key: false });
  const file = await new FileReader(await fetch(`${box.url}/cam/live.mp4`)).read(2);
  expect(file.fragments.map(({ runs }) => runs.map(({ trackId, baseTime }) => [trackId, baseTime]))).toEqual([
    [[1, 0]],
    [
      [1, 3600],
      [2, 0],
    ],
  ]);
});

test('a file has all audio that browsers play, and a message if it has no video', async () => {
  const box = await openLiveHarness();
  const stream = box.add('cam', new Stream([aac, g711]));
  const pending = fetch(`${box.url}/cam/live.mp4`);
  while (box.server.list().length === 0) {
    await new Promise(setImmediate);
  }
  for (let i = 0; i < 3; i += 1) {
    stream.write(0, { pts: i * 1024, dts: i * 1024, wall: 0, key: true, data: Uint8Array.of(1) });
  }
  const answer = await pending;
  expect(answer.headers.get('content-type')).toBe('audio/mp4');
  const file = await new FileReader(answer).read(3);
  expect(file.init?.tracks.map(({ timescale }) => timescale)).toEqual([48_000, 8000]);
});

test('the file ends with the stream, and where the camera changes its parameters', async () => {
  const box = await openLiveHarness();
  const stream = box.add('cam', new Stream([tinyH264]));
  feed(stream, 1);
  const before = await new FileReader(await fetch(`${box.url}/cam/live.mp4`)).read(1);
  stream.setTrack(0, { ...tinyH264, width: 128 });
  feed(stream, 2, 1);
  await before.read(100);
  expect([before.hasEnded, before.fragments.length]).toEqual([true, 1]);
  const behind = await new FileReader(await fetch(`${box.url}/cam/live.mp4`)).read(2);
  stream.close();
  await behind.read(100);
  expect([behind.hasEnded, behind.fragments.length]).toEqual([true, 2]);
  expect(box.server.list()).toEqual([]);
});

test('a disconnected viewer is no longer a reader', async () => {
  const box = await openLiveHarness();
  const stream = box.add('cam', new Stream([tinyH264]));
  feed(stream, 1);
  const file = await new FileReader(await fetch(`${box.url}/cam/live.mp4`)).read(1);
  expect(stream.audience).toBe(1);
  expect(box.server.list()).toMatchObject([{ path: 'cam', transport: 'mp4', outboundFramesDiscarded: 0 }]);
  await file.cancel();
  while (stream.readers.length > 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect([stream.audience, box.server.list()]).toEqual([0, []]);
});

test('a viewer that disconnects before the stream starts leaves no reader', async () => {
  const box = await openLiveHarness();
  const stream = new Stream([tinyH264]);
  feed(stream, 1);
  let come: (stream: Stream) => void = () => {};
  box.add('late', new Promise<Stream>((resolve) => (come = resolve)));
  const raw = await box.raw('late/live.mp4');
  while (box.asked.length === 0) {
    await new Promise(setImmediate);
  }
  raw.socket.destroy();
  while (await box.connections()) {
    await new Promise(setImmediate);
  }
  come(stream);
  await turns();
  expect([stream.readers.length, box.server.list()]).toEqual([0, []]);
});

test('HEAD returns the type and leaves no reader', async () => {
  const box = await openLiveHarness();
  const stream = box.add('cam', new Stream([tinyH264]));
  const answer = await fetch(`${box.url}/cam/live.mp4`, { method: 'HEAD' });
  expect([answer.status, answer.headers.get('content-type'), stream.readers.length]).toEqual([200, 'video/mp4', 0]);
});

test('a viewer that does not read loses whole GOPs, never half a fragment', async () => {
  const box = await openLiveHarness();
  const stream = box.add('cam', new Stream([tinyH264]));
  feed(stream, 1);
  const slow = await box.raw('cam/live.mp4', { Connection: 'close' });
  await slow.head();
  slow.socket.pause();
  const data = new Uint8Array(100_000);
  let i = 1;
  for (; box.server.list()[0]?.outboundFramesDiscarded === 0; i += 1) {
    stream.write(0, { pts: i * 3600, dts: i * 3600, wall: 0, key: i % 5 === 0, data });
    await new Promise(setImmediate);
  }
  slow.socket.resume();
  const lost = () => box.server.list()[0]?.outboundFramesDiscarded ?? 0;
  for (let before = -1; before < lost(); i += 1) {
    before = i % 5 === 0 ? lost() : before;
    stream.write(0, { pts: i * 3600, dts: i * 3600, wall: 0, key: i % 5 === 0, data });
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  stream.close();
  await slow.closed();
  const body = unchunked(slow.received);
  const init = parseInit(body);
  const keys: (readonly [time: number, isKey: boolean])[] = [];
  for (let at = init?.sizeBytes ?? 0; at < body.length; ) {
    const fragment = parseFragment(body, at);
    expect(at + (fragment?.sizeBytes ?? Number.NaN)).toBeLessThanOrEqual(body.length);
    keys.push([(fragment?.runs[0]?.baseTime ?? 0) / 3600, ((fragment?.runs[0]?.flags[0] ?? 0) & 0x1_0000) === 0]);
    at += fragment?.sizeBytes ?? body.length;
  }
  const jumps = keys.filter(([time], n) => n > 0 && time !== (keys[n - 1]?.[0] ?? 0) + 1);
  expect(jumps.length).toBeGreaterThan(0);
  expect(jumps.every(([, isKey]) => isKey)).toBe(true);
});

test('a viewer that never reads is disconnected, and its queue is released', async () => {
  const box = await openLiveHarness();
  const stream = box.add('cam', new Stream([tinyH264]));
  feed(stream, 1);
  const dead = await box.raw('cam/live.mp4');
  await dead.head();
  dead.socket.pause();
  const data = new Uint8Array(100_000);
  for (let i = 1; box.server.list().length > 0; i += 1) {
    stream.write(0, { pts: i * 3600, dts: i * 3600, wall: 0, key: i % 5 === 0, data });
    await box.clock.advance(100);
    await new Promise(setImmediate);
  }
  expect(await box.connections()).toBe(1);
  await box.clock.advance(15_000);
  while ((await box.connections()) > 0) {
    await new Promise(setImmediate);
  }
});

test.for(['constructor', 'toString', '__proto__'])('a path may be called %s', (name) => {
  expect(parseLiveAddress(`yard/${name}`)).toBeUndefined();
  expect(parseLiveAddress(`yard/${name}/mse`)).toEqual({ path: `yard/${name}`, kind: 'mse' });
});

/** The body of an answer in chunks (RFC 9112 §7.1). */
function unchunked(answer: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = answer.indexOf('\r\n\r\n') + 4; ; ) {
    const end = answer.indexOf('\r\n', at);
    const size = Number.parseInt(answer.toString('latin1', at, end), 16);
    if (!(size > 0)) {
      return Buffer.concat(pieces);
    }
    pieces.push(answer.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

test('a missing stream and unsupported codecs are answered with an error', async () => {
  const box = await openLiveHarness();
  box.add('vp8', new Stream([{ kind: 'video', codec: 'vp8', clockRate: 90_000, width: 64, height: 48, fps: 25 }]));
  const none = await fetch(`${box.url}/none/live.mp4`);
  expect([none.status, await none.json()]).toEqual([
    404,
    { status: 'error', error: "no stream is available on path 'none'" },
  ]);
  const vp8 = await fetch(`${box.url}/vp8/live.mp4`);
  expect(vp8.status).toBe(501);
  expect(await vp8.text()).toContain('VP8');
});

test('a file ignores a WebSocket upgrade', async () => {
  const box = await openLiveHarness();
  feed(box.add('cam', new Stream([tinyH264])), 1);
  const raw = await box.raw('cam/live.mp4', WEBSOCKET_FIELDS);
  expect(await raw.head()).toContain('HTTP/1.1 200');
  raw.socket.destroy();
});

test('over HTTP/2 it is sent continuously, and a cancelled request ends the reader', async () => {
  const tls = join(import.meta.dirname, '../../../../test/fixtures/tls/server');
  const [key, cert] = await Promise.all([readFile(`${tls}.key`), readFile(`${tls}.crt`)]);
  const stream = new Stream([tinyH264]);
  feed(stream, 1);
  const server = new LiveServer({ open: async () => stream }, systemClock, silentLogger);
  const live = liveAddresses({ server: () => server, access: openAccess, clock: systemClock, log: silentLogger });
  const app = createHttpApp({ log: silentLogger });
  app.get('/*', (request, reply) => live.answer((request.params as { '*': string })['*'], request, reply));
  const { port } = await listenLocally(app, { tls: { key, cert } });
  onTestFinished(() => app.close());
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  onTestFinished(() => session.destroy());
  const request = session.request({ ':path': '/cam/live.mp4' });
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  await once(request, 'data');
  for (let i = 1; bytes < 10_000; i += 1) {
    feed(stream, 1, i);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  expect(stream.audience).toBe(1);
  request.close();
  while (stream.readers.length > 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(server.list()).toEqual([]);
});
