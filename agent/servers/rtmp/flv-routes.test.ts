import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { listenLocally } from '../../../test/support/base/local-listener.ts';
import { openHttpHarness } from '../../../test/support/harness/http/http-harness.ts';
import { RawSocket, turns, WEBSOCKET_FIELDS } from '../../../test/support/harness/http/live-harness.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import type { Config } from '../../config/load/load.ts';
import type { InternalUser } from '../../config/schema/common/general.ts';
import type { Track } from '../../media/sample/track.ts';
import type { RouteDeps } from '../../protocols/contract.ts';
import type { Paths } from '../../stream/contracts.ts';
import { Stream } from '../../stream/stream.ts';
import { mountFlv } from './flv-routes.ts';
import { FlvServer } from './flv-server.ts';
import { PLAIN } from './session-kinds.ts';

const AAC: Track = {
  ...{ kind: 'audio', codec: 'aac', clockRate: 48_000, channels: 2, frameSamples: 1024 },
  config: Uint8Array.of(0x11, 0x90),
};
const OPUS: Track = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
const VP8: Track = { kind: 'video', codec: 'vp8', clockRate: 90_000, width: 64, height: 48, fps: 25 };
const WRITE_QUEUE_SIZE = 512;
const PICTURE_BYTES = 200_000;
const ANYBODY: InternalUser = { user: 'any', pass: '', ips: [], permissions: [{ action: 'read', path: '' }] };
const VIEWER: InternalUser = {
  ...ANYBODY,
  user: 'viewer',
  pass: 'secret',
  permissions: [{ action: 'read', path: 'yard' }],
};

/** The routes on a real port, over the test's streams. */
async function openFlv({ users = [ANYBODY], isOn = true } = {}) {
  const clock = new FakeClock();
  const streams = new Map<string, Stream>();
  const asked: string[] = [];
  const paths = {
    open: async (name: string, query: string): Promise<Stream> => {
      asked.push(`${name}?${query}`);
      const stream = streams.get(name);
      if (!stream) {
        throw new PerchError('notFound', `no stream is available on path '${name}'`);
      }
      return stream;
    },
  };
  const box = await openHttpHarness({ rules: { isOwn: false, internalUsers: users } });
  const flv = new FlvServer(PLAIN, WRITE_QUEUE_SIZE, paths as unknown as Paths, clock, silentLogger);
  const access = box.access.as('rtmp', 'GET');
  await mountFlv(box.app, {
    ...{ access, clock, running: () => (isOn ? { flv } : undefined) },
    paths: { find: (name: string) => (streams.has(name) ? { ready: true } : undefined) },
    config: () => ({ hlsAllowOrigins: ['https://nas.example'] }) as unknown as Config,
  } as unknown as RouteDeps<never>);
  const { port } = await listenLocally(box.app);
  onTestFinished(async () => {
    flv.close();
    await box[Symbol.asyncDispose]();
  });
  return {
    ...{ clock, flv, asked, url: `http://127.0.0.1:${port}` },
    add: (name: string, tracks: readonly Track[]): Stream => {
      const stream = new Stream(tracks);
      streams.set(name, stream);
      return stream;
    },
    raw: (path: string, fields: Readonly<Record<string, string>> = {}) => RawSocket.open(port, path, fields),
  };
}

/** A key picture, and `pictures` at 25 Hz in all. @param bytes of each, if not its own */
function feed(stream: Stream, pictures: number, from = 0, bytes = 0): void {
  for (const picture of tinyVideo(pictures, 25, pictures, from * 3600)) {
    stream.write(0, bytes > 0 ? { ...picture, data: new Uint8Array(bytes) } : picture);
  }
}

/** FLV specification §E.4.1. */
function tagsOf(bytes: Buffer) {
  const tags: { type: number; timestamp: number; body: Buffer }[] = [];
  for (let at = 13; at + 11 <= bytes.length; ) {
    const end = at + 11 + bytes.readUIntBE(at + 1, 3);
    if (end + 4 > bytes.length) {
      break;
    }
    const timestamp = bytes.readUIntBE(at + 4, 3) + bytes.readUInt8(at + 7) * 2 ** 24;
    tags.push({ type: bytes.readUInt8(at), timestamp, body: bytes.subarray(at + 11, end) });
    expect(bytes.readUInt32BE(end)).toBe(end - at);
    at = end + 4;
  }
  return tags;
}

/** The body of a response, as far as it has come; ended by the test's end. */
async function reading(url: string, init: RequestInit = {}) {
  const gone = new AbortController();
  onTestFinished(() => gone.abort());
  const response = await fetch(url, { ...init, signal: gone.signal });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const pieces: Uint8Array[] = [];
  let length = 0;
  let hasEnded = false;
  const next = async (): Promise<void> => {
    const { done, value = new Uint8Array(0) } = await reader.read();
    hasEnded = done;
    length += value.length;
    pieces.push(value);
  };
  return {
    response,
    leave: () => gone.abort(),
    get hasEnded() {
      return hasEnded;
    },
    /** Resolves at this many bytes. */
    bytes: async (count: number) => {
      while (length < count && !hasEnded) {
        await next();
      }
    },
    /** Resolves at this many tags. */
    tags: async (count: number) => {
      while (tagsOf(Buffer.concat(pieces)).length < count && !hasEnded) {
        await next();
      }
      const bytes = Buffer.concat(pieces);
      return { head: bytes.subarray(0, 13).toString('hex'), tags: tagsOf(bytes) };
    },
  };
}

const EMPTY_FLV = '464c5601050000000900000000';

test('a viewer gets metadata, the descriptions of the codecs, the pictures since the last key frame, and each new one', async () => {
  const box = await openFlv();
  const stream = box.add('yard/cam', [tinyH264, AAC]);
  feed(stream, 3);
  const viewer = await reading(`${box.url}/yard/cam.live.flv?ticket=7&pass=secret`);
  expect(viewer.response.headers.get('content-type')).toBe('video/x-flv');
  const { head, tags } = await viewer.tags(6);
  expect(head).toBe(EMPTY_FLV);
  expect(tags.map(({ type }) => type)).toEqual([18, 9, 8, 9, 9, 9]);
  // AVC's sequence header, AAC's, a key picture and others: §E.4.2.1 and §E.4.3.1.
  expect(tags.slice(1).map(({ body }) => body.subarray(0, 2).toString('hex'))).toEqual([
    ...['1700', 'af00', '1701', '2701', '2701'],
  ]);
  feed(stream, 1, 3);
  const more = await viewer.tags(7);
  const [first = 0, ...later] = more.tags.slice(3).map(({ timestamp }) => timestamp);
  expect(later.map((timestamp) => timestamp - first)).toEqual([40, 80, 120]);
  expect(box.asked).toEqual(['yard/cam?ticket=7']);
  expect(box.flv.list()).toMatchObject([{ path: 'yard/cam', query: 'ticket=7', state: 'read' }]);
  viewer.leave();
  await expect.poll(() => box.flv.list()).toEqual([]);
});

test('a viewer of a stream without a key frame begins with the next one', async () => {
  const box = await openFlv();
  const stream = box.add('cam', [tinyH264]);
  const viewer = await reading(`${box.url}/live/cam.live.flv`);
  stream.write(0, { pts: 0, dts: 0, wall: 0, key: false, data: Uint8Array.of(1) });
  feed(stream, 2, 1);
  const { tags } = await viewer.tags(4);
  expect(tags.map(({ body }) => body[0])).toEqual([2, 0x17, 0x17, 0x27]);
});

test('live/cam is the path of that name, else the path cam', async () => {
  const box = await openFlv();
  box.add('cam', [tinyH264]);
  await reading(`${box.url}/live/cam.live.flv`);
  box.add('live/cam', [tinyH264]);
  await reading(`${box.url}/live/cam.live.flv`);
  box.add('house/yard/gate', [tinyH264]);
  await reading(`${box.url}/house/yard/gate.live.flv`);
  expect(box.asked).toEqual(['cam?', 'live/cam?', 'house/yard/gate?']);
});

test('codecs of Enhanced RTMP are sent with their FourCC, others are left out', async () => {
  const box = await openFlv();
  const stream = box.add('cam', [VP8, OPUS]);
  const viewer = await reading(`${box.url}/live/cam.live.flv`);
  stream.write(1, { pts: 0, dts: 0, wall: 0, key: true, data: Uint8Array.of(0xf8, 0xff) });
  const { head, tags } = await viewer.tags(3);
  // The flags of the head: audio alone.
  expect(head.slice(8, 10)).toBe('04');
  expect(tags.map(({ body }) => body.toString('latin1', 1, 5))).toEqual([expect.any(String), 'Opus', 'Opus']);
});

test.for([
  ['live/none', 404, "no stream is available on path 'none'"],
  ['live/vp8', 501, 'no track can be sent: VP8'],
] as const)('%s is answered with %i, as a WebSocket, too', async ([name, status, message]) => {
  const box = await openFlv();
  box.add('vp8', [VP8]);
  const response = await fetch(`${box.url}/${name}.live.flv`);
  expect(response.status).toBe(status);
  expect(((await response.json()) as { error: string }).error).toContain(message);
  const socket = await box.raw(`${name}.live.flv`, WEBSOCKET_FIELDS);
  expect(await socket.head()).toContain(`HTTP/1.1 ${status} `);
  expect(box.flv.list()).toEqual([]);
});

test('FLV needs the RTMP server', async () => {
  const box = await openFlv({ isOn: false });
  const response = await fetch(`${box.url}/live/cam.live.flv`);
  expect([response.status, await response.text()]).toEqual([503, expect.stringContaining('rtmp: no')]);
});

test('only clients with the permission to read a path watch it', async () => {
  const box = await openFlv({ users: [VIEWER] });
  for (const name of ['yard', 'den']) {
    box.add(name, [tinyH264]);
  }
  const with_ = (password: string) => ({ headers: { Authorization: `Basic ${btoa(`viewer:${password}`)}` } });
  const statusOf = async (name: string, init: RequestInit) =>
    (await reading(`${box.url}/live/${name}.live.flv`, init)).response.status;
  expect(await statusOf('yard', {})).toBe(401);
  expect(await statusOf('yard', with_('wrong'))).toBe(401);
  expect(await statusOf('den', with_('secret'))).toBe(401);
  expect(box.asked).toEqual([]);
  expect(await statusOf('yard', with_('secret'))).toBe(200);
  expect(box.flv.list()).toMatchObject([{ path: 'yard', user: 'viewer' }]);
});

test('a WebSocket gets the same bytes; pages of other sites only where they are named', async () => {
  const box = await openFlv();
  const stream = box.add('cam', [tinyH264]);
  feed(stream, 2);
  const from = (origin: string) => box.raw('live/cam.live.flv', { ...WEBSOCKET_FIELDS, Origin: origin });
  expect(await (await from('https://evil.example')).head()).toContain('401 Unauthorized');
  const viewer = await from('https://nas.example');
  expect(await viewer.head()).toContain('101 Switching Protocols');
  await expect.poll(() => viewer.received.includes('FLV')).toBe(true);
  viewer.socket.destroy();
  await expect.poll(() => box.flv.list()).toEqual([]);
});

test('a request for the head opens no stream', async () => {
  const box = await openFlv();
  box.add('cam', [tinyH264]);
  const response = await fetch(`${box.url}/live/cam.live.flv`, { method: 'HEAD' });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'video/x-flv']);
  expect(box.flv.list()).toEqual([]);
});

test('the end of a stream, and a kick, end the viewer', async () => {
  const box = await openFlv();
  const [cam, door] = [box.add('cam', [tinyH264]), box.add('door', [tinyH264])];
  for (const stream of [cam, door]) {
    feed(stream, 1);
  }
  const viewers = [await reading(`${box.url}/live/cam.live.flv`), await reading(`${box.url}/live/door.live.flv`)];
  cam.close();
  expect(box.flv.list().map(({ path }) => path)).toEqual(['door']);
  expect(box.flv.kick(box.flv.list()[0]?.id ?? '')).toBe(true);
  for (const viewer of viewers) {
    await viewer.tags(100);
    expect(viewer.hasEnded).toBe(true);
  }
  expect(box.flv.kick('none')).toBe(false);
});

test.for([
  ['over HTTP', {}],
  ['as a WebSocket', WEBSOCKET_FIELDS],
] as const)(
  'a viewer %s who does not read loses pictures, then the connection; others do not notice',
  async ([, fields]) => {
    const box = await openFlv();
    const stream = box.add('cam', [tinyH264]);
    const slow = await box.raw('live/cam.live.flv', fields);
    await slow.head();
    slow.socket.pause();
    const viewer = await reading(`${box.url}/live/cam.live.flv`);
    // More than the socket buffers of the system hold.
    const groups = 60;
    for (let group = 0; group < groups; group += 1) {
      feed(stream, 2, group * 2, PICTURE_BYTES);
      await viewer.bytes((group + 1) * 2 * PICTURE_BYTES);
      await turns();
    }
    const [behind, other] = box.flv.list();
    expect(behind?.outboundFramesDiscarded).toBeGreaterThan(10);
    expect(other?.outboundFramesDiscarded).toBe(0);
    for (let second = 0; second < 32; second += 1) {
      await box.clock.advance(1_000);
      box.flv.tick(box.clock.monoMs());
    }
    expect(box.flv.list().map(({ id }) => id)).toEqual([other?.id]);
    await box.clock.advance(15_000);
    slow.socket.resume();
    await slow.closed();
  },
);

test('more than 250 viewers of an address are rejected', { timeout: 60_000 }, async () => {
  const box = await openFlv();
  const stream = box.add('cam', [tinyH264]);
  feed(stream, 1);
  const first = await Promise.all(Array.from({ length: 250 }, () => box.raw('live/cam.live.flv')));
  await Promise.all(first.map((viewer) => viewer.head()));
  expect(box.flv.list()).toHaveLength(250);
  const more = await fetch(`${box.url}/live/cam.live.flv`);
  expect([more.status, more.headers.get('retry-after')]).toEqual([429, '5']);
  feed(stream, 1, 1);
  for (const viewer of first) {
    while (!viewer.received.includes('FLV')) {
      await once(viewer.socket, 'data');
    }
    viewer.socket.destroy();
  }
  await expect.poll(() => box.flv.list()).toEqual([]);
});
