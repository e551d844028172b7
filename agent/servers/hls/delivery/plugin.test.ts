import { createHash } from 'node:crypto';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { FakeClock } from '../../../../test/fake-clock.ts';
import { tinyH264, tinyVideo } from '../../../../test/tiny-h264.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import { cors } from '../../../http/cors.ts';
import { parseFragment, parseInit } from '../../../media/mp4/read.ts';
import type { G711Track } from '../../../media/track.ts';
import { Stream } from '../../../stream/stream.ts';
import { type HlsOptions, HlsServer } from '../server.ts';
import { hlsPlugin } from './plugin.ts';

const g711: G711Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };
const OPTIONS: HlsOptions = {
  segmentCount: 7,
  segmentDurationMs: 1000,
  segmentMaxBytes: 1 << 20,
  closeAfterMs: 60_000,
};

class Paths {
  readonly streams = new Map<string, Stream>();
  readonly asked: string[] = [];
  async open(name: string, query: string): Promise<Stream> {
    this.asked.push(`${name}?${query}`);
    if (name === 'late') {
      throw new PerchError('timeout', `source of path '${name}' has timed out`, {}, new Error('connection refused'));
    }
    if (name === 'full') {
      throw new PerchError('exhausted', `maximum reader count reached: path '${name}' has 1`);
    }
    if (name === 'unknown') {
      throw new PerchError('badInput', `path '${name}' is not configured`);
    }
    const stream = this.streams.get(name);
    if (!stream) {
      throw new PerchError('notFound', `no stream is available on path '${name}'`);
    }
    return stream;
  }
}

const access = {
  async require(request: FastifyRequest, _: 'read', path: string): Promise<void> {
    if (path === 'secret' && !request.url.includes('jwt=right')) {
      throw new PerchError('unauthorized', 'authentication error');
    }
  },
};

const opened: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((app) => app.close()));
});

function setup({ prefix = '', options = OPTIONS } = {}) {
  const clock = new FakeClock();
  const paths = new Paths();
  const server = new HlsServer(options, paths, clock, silentLogger);
  const app = fastify();
  app.setErrorHandler((error: PerchError, _, reply) => {
    const status = { unauthorized: 401, notFound: 404, timeout: 504 }[error.code as string] ?? 500;
    return reply.code(status).send({ status: 'error', error: error.message });
  });
  app.register(hlsPlugin, {
    prefix,
    server,
    access,
    cors: (methods, headers) => cors(['*', 'https://nas.example'], methods, headers),
  });
  opened.push(app);
  return { app, server, clock, paths };
}

/** @param seconds of picture and sound, with one key picture in front: a stream keeps them all for new readers */
function feed(stream: Stream, seconds: number, startS = 0): void {
  for (const picture of tinyVideo(seconds * 25, 25, seconds * 25, startS * 90_000, startS * 1000)) {
    stream.write(0, picture);
    if (stream.tracks[1]) {
      const pts = Math.round(picture.pts / 11.25);
      stream.write(1, { ...picture, pts, dts: pts, key: true, data: new Uint8Array(320).fill(pts % 251) });
    }
  }
}

function live(paths: Paths, name = 'cam', seconds = 4): Stream {
  const stream = new Stream([tinyH264, g711]);
  paths.streams.set(name, stream);
  feed(stream, seconds);
  return stream;
}

const linesOf = (body: string): string[] => body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

test.for(['', '/hls'])('a player finds its way from index.m3u8 to every byte, mounted at "%s"', async (prefix) => {
  const { app, paths } = setup({ prefix });
  const stream = live(paths, 'yard/cam');
  const waiting = app.inject(`${prefix}/yard/cam/index.m3u8`);
  await new Promise(setImmediate);
  feed(stream, 4, 4);
  const index = await waiting;
  expect(index.statusCode).toBe(200);
  expect(index.headers['content-type']).toBe('application/vnd.apple.mpegurl');
  expect(index.headers['cache-control']).toBe('private, no-cache');
  expect(Number(index.headers['content-length'])).toBe(index.rawPayload.length);
  expect(index.body).toContain('CODECS="avc1.42C00A,fLaC",RESOLUTION=64x48');

  for (const playlist of ['video1_stream.m3u8', 'audio2_stream.m3u8']) {
    expect(index.body).toContain(playlist);
    const media = await app.inject(`${prefix}/yard/cam/${playlist}`);
    const [, init = ''] = /MAP:URI="([^"]+)"/.exec(media.body) ?? [];
    const head = await app.inject(`${prefix}/yard/cam/${init}`);
    expect(parseInit(head.rawPayload)?.tracks.length).toBe(1);
    expect(linesOf(media.body).length).toBeGreaterThanOrEqual(3);
    for (const name of linesOf(media.body)) {
      const segment = await app.inject(`${prefix}/yard/cam/${name}`);
      expect(segment.headers['content-type']).toBe(playlist.startsWith('video') ? 'video/mp4' : 'audio/mp4');
      expect(Number(segment.headers['content-length'])).toBe(segment.rawPayload.length);
      expect(parseFragment(segment.rawPayload)?.sizeBytes).toBe(segment.rawPayload.length);
    }
  }
});

test('what is sent is counted on the stream and in the list', async () => {
  const { app, paths, server, clock } = setup();
  const stream = live(paths);
  await app.inject('/cam/index.m3u8');
  await clock.advance(5000);
  const media = await app.inject('/cam/video1_stream.m3u8');
  const segment = await app.inject(`/cam/${linesOf(media.body)[0]}`);
  const bytes = segment.rawPayload.length;
  expect(stream.bytesSent).toBe(bytes);
  expect(server.list()).toEqual([
    {
      path: 'cam',
      created: '2026-01-01T00:00:00.000Z',
      lastRequest: '2026-01-01T00:00:05.000Z',
      outboundBytes: bytes,
      outboundFramesDiscarded: 0,
      bytesSent: bytes,
    },
  ]);
});

test('HEAD tells sizes and types without a body', async () => {
  const { app, paths } = setup();
  live(paths);
  const index = await app.inject('/cam/index.m3u8');
  const media = await app.inject('/cam/video1_stream.m3u8');
  for (const name of ['index.m3u8', 'video1_stream.m3u8', linesOf(media.body)[0] ?? '', '', 'hls.min.js']) {
    const [head, get] = [await app.inject({ method: 'HEAD', url: `/cam/${name}` }), await app.inject(`/cam/${name}`)];
    expect(head.rawPayload.length).toBe(0);
    expect(head.headers['content-length']).toBe(String(get.rawPayload.length));
    expect(head.headers['content-type']).toBe(get.headers['content-type']);
  }
  expect(index.rawPayload.length).toBeGreaterThan(0);
});

test.for([
  ['/none/index.m3u8', 404, "no stream is available on path 'none'"],
  ['/unknown/index.m3u8', 500, "path 'unknown' is not configured"],
  ['/secret/index.m3u8', 401, 'authentication error'],
  ['/secret/', 401, 'authentication error'],
  ['/secret/video1_stream.m3u8', 401, 'authentication error'],
  ['/secret/x_video1_seg0.mp4', 401, 'authentication error'],
  ['/cam/video1_stream.m3u8', 404, 'no such file in this stream, or no longer'],
  ['/cam/x_video1_seg0.mp4', 404, 'no such file in this stream, or no longer'],
  ['/', 404, 'not found'],
  ['/favicon.ico', 404, 'not found'],
] as const)('%s is answered with %d', async ([url, status, error]) => {
  const { app, paths } = setup();
  live(paths, 'secret');
  const answer = await app.inject(url);
  expect(answer.statusCode).toBe(status);
  expect(answer.json()).toEqual({ status: 'error', error });
});

test('an ffmpeg that has read an init segment is not told its address again; all others always are', async () => {
  const { app, paths } = setup();
  const stream = live(paths);
  const ask = async (url: string, agent: string) => (await app.inject({ url, headers: { 'user-agent': agent } })).body;
  const lavf = 'Lavf/60.16.100';
  const playlists = linesOf(await ask('/cam/index.m3u8', lavf));
  const video = `/cam/${playlists.find((line) => line.startsWith('video1'))}`;
  expect(video).toMatch(/\?lavf=[0-9a-f]{16}$/);
  const initOf = (playlist: string) => /MAP:URI="([^"]+)"/.exec(playlist)?.[1];
  // It may load a playlist twice before it reads a segment.
  expect(initOf(await ask(video, lavf))).toBeDefined();
  const init = initOf(await ask(video, lavf));
  await ask(`/cam/${init}`, lavf);
  expect(initOf(await ask(video, lavf))).toBeUndefined();

  const other = linesOf(await ask('/cam/index.m3u8', lavf)).find((line) => line.startsWith('video1'));
  expect(initOf(await ask(`/cam/${other}`, lavf))).toBeDefined();
  expect(await ask('/cam/index.m3u8', 'AppleCoreMedia')).not.toContain('lavf');
  expect(initOf(await ask('/cam/video1_stream.m3u8', 'AppleCoreMedia'))).toBeDefined();

  stream.close();
  live(paths);
  await ask('/cam/index.m3u8', lavf);
  expect(initOf(await ask(video, lavf))).toBeDefined();
});

test('a token in the query goes along with every address', async () => {
  const { app, paths } = setup();
  live(paths, 'secret');
  const index = await app.inject('/secret/index.m3u8?jwt=right');
  for (const playlist of linesOf(index.body)) {
    const media = await app.inject(`/secret/${playlist}`);
    expect(media.statusCode).toBe(200);
    const segment = await app.inject(`/secret/${linesOf(media.body)[0]}`);
    expect(segment.statusCode).toBe(200);
  }
});

test('a path without its slash leads to its page, on this host and below this prefix', async () => {
  const { app } = setup({ prefix: '/hls' });
  const answer = await app.inject('/hls/yard/cam?muted=false');
  expect([answer.statusCode, answer.headers.location]).toEqual([302, './cam/?muted=false']);
  const page = await app.inject('/hls/yard/cam/');
  expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
  expect(page.body).toContain('<script src="hls.min.js">');
  const library = await app.inject('/hls/yard/cam/hls.min.js');
  expect(library.headers['content-type']).toBe('text/javascript; charset=utf-8');
  expect(createHash('sha256').update(library.rawPayload).digest('hex')).toMatch(/^[0-9a-f]{64}$/);
  expect(library.body).toContain('Hls');
});

test('other sites: preflights are answered without login, answers carry the origin, refusals too', async () => {
  const { app } = setup();
  const headers = { origin: 'https://nas.example' };
  const preflight = await app.inject({
    method: 'OPTIONS',
    url: '/secret/index.m3u8',
    headers: { ...headers, 'access-control-request-method': 'GET' },
  });
  expect(preflight.statusCode).toBe(204);
  expect(preflight.headers).toMatchObject({
    'access-control-allow-origin': 'https://nas.example',
    'access-control-allow-methods': 'OPTIONS, GET',
    'access-control-allow-headers': 'Authorization, Range',
  });
  const refused = await app.inject({ url: '/secret/index.m3u8', headers });
  expect(refused.headers['access-control-allow-origin']).toBe('https://nas.example');
  const other = await app.inject({ url: '/none/index.m3u8', headers: { origin: 'https://other.example' } });
  expect(other.headers['access-control-allow-origin']).toBe('*');
  const bare = await app.inject({ method: 'OPTIONS', url: '/cam/index.m3u8' });
  expect(bare.statusCode).toBe(404);
});

test('a muxer closes when nobody has asked for a while, and lets go of its stream', async () => {
  const { app, paths, server, clock } = setup();
  const stream = live(paths);
  await app.inject('/cam/index.m3u8');
  expect(stream.readers.map((reader) => reader.type)).toEqual(['hidden']);
  await clock.advance(50_000);
  await app.inject('/cam/video1_stream.m3u8');
  await clock.advance(50_000);
  expect(server.list().length).toBe(1);
  await clock.advance(30_000);
  expect(server.list()).toEqual([]);
  expect(stream.readers).toEqual([]);
});

test('all requests for a path share one muxer; a new stream of the path gets a new one with new names', async () => {
  const { app, paths } = setup();
  const first = live(paths);
  const answers = await Promise.all([1, 2, 3].map(() => app.inject('/cam/index.m3u8')));
  expect(new Set(answers.map((answer) => answer.body)).size).toBe(1);
  expect(first.readers.length).toBe(1);
  const before = linesOf((await app.inject('/cam/video1_stream.m3u8')).body)[0] ?? '';
  first.close();
  expect((await app.inject(`/cam/${before}`)).statusCode).toBe(404);
  live(paths);
  await app.inject('/cam/index.m3u8');
  const after = linesOf((await app.inject('/cam/video1_stream.m3u8')).body)[0] ?? '';
  expect(after.slice(0, 12)).not.toBe(before.slice(0, 12));
});

test('a stream without a key frame is not waited for for ever', async () => {
  const { app, paths, clock } = setup();
  paths.streams.set('cam', new Stream([tinyH264]));
  const waiting = app.inject('/cam/index.m3u8');
  await clock.advance(20_000);
  expect((await waiting).json()).toEqual({ status: 'error', error: "path 'cam' has had no key frame for 20 s" });
});

test('with alwaysRemux the muxer begins with the stream and stays', async () => {
  const { server, clock } = setup({ options: { ...OPTIONS, alwaysRemux: true } });
  const stream = new Stream([tinyH264, g711]);
  server.streamOpened('cam', stream);
  await clock.advance(600_000);
  expect(server.list().map((item) => item.path)).toEqual(['cam']);
  stream.close();
  expect(server.list()).toEqual([]);
});

test('with alwaysRemux a source on demand gets a muxer for viewers only, and is let go when they have gone', async () => {
  const { app, paths, server, clock } = setup({ options: { ...OPTIONS, alwaysRemux: true } });
  const stream = new Stream([tinyH264, g711], { isOnDemand: true });
  paths.streams.set('cam', stream);
  server.streamOpened('cam', stream);
  expect(stream.audience).toBe(0);
  feed(stream, 4);
  await app.inject('/cam/index.m3u8');
  expect(stream.audience).toBe(1);
  await clock.advance(600_000);
  expect(stream.audience).toBe(0);
});

test('a closed server ends its muxers and opens no more', async () => {
  const { app, paths, server } = setup();
  const stream = live(paths);
  await app.inject('/cam/index.m3u8');
  server.close();
  expect(stream.readers).toEqual([]);
  await expect(server.open('cam')).rejects.toThrow('shutting down');
});

test.for([
  ['late', "source of path 'late' has timed out: connection refused"],
  ['full', "maximum reader count reached: path 'full' has 1"],
  ['unknown', "path 'unknown' is not configured"],
] as const)('what the path %s refuses is answered with 500 and its reason', async ([name, error]) => {
  const { app } = setup();
  const answer = await app.inject(`/${name}/index.m3u8`);
  expect([answer.statusCode, answer.json()]).toEqual([500, { status: 'error', error }]);
});

test('all who watch over HLS are one reader of the path, which hears the query of the first', async () => {
  const { app, paths } = setup();
  const stream = live(paths);
  feed(stream, 4, 4);
  const first = app.inject('/cam/index.m3u8?a=1&b');
  await new Promise(setImmediate);
  feed(stream, 4, 8);
  expect((await first).statusCode).toBe(200);
  expect((await app.inject('/cam/index.m3u8?a=2')).statusCode).toBe(200);
  expect(paths.asked).toEqual(['cam?a=1&b']);
  expect(stream.audience).toBe(1);
});

test('a stream that HLS cannot carry is answered with 500 and what HLS takes', async () => {
  const { app, paths } = setup();
  paths.streams.set('cam', new Stream([{ kind: 'multiplex', codec: 'mpeg-ts', clockRate: 90_000 }]));
  const answer = await app.inject('/cam/index.m3u8');
  expect(answer.statusCode).toBe(500);
  expect(answer.json().error).toMatch(
    /^the stream on path 'cam' has MPEG-TS, of which HLS takes nothing: it takes H264/,
  );
});
