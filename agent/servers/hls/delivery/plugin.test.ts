import { expect, test } from 'vitest';
import {
  feed,
  g711,
  HLS_OPTIONS,
  HlsPlayer,
  linesOf,
  live,
  openHlsHarness,
} from '../../../../test/support/harness/servers/hls-harness.ts';
import { tinyH264 } from '../../../../test/support/media/tiny-h264.ts';
import { silentLogger } from '../../../base/log.ts';
import { parseFragment, parseInit } from '../../../media/mp4/read/read.ts';
import { Stream } from '../../../stream/stream.ts';
import { HlsServer } from '../server/server.ts';

/** The server, and a player with a cookie jar. */
function setup(options: Parameters<typeof openHlsHarness>[0] = {}) {
  const box = openHlsHarness(options);
  const player = new HlsPlayer(box.app);
  return { ...box, player, get: (url: string) => player.get(url) };
}

/** How much of a segment is whole fragments, one behind the other. */
function fragmentBytes(segment: Buffer): number {
  let at = 0;
  for (let size = 1; size > 0; at += size) {
    size = parseFragment(segment.subarray(at))?.sizeBytes ?? 0;
  }
  return at;
}

test.for(['', '/hls'])('a player gets from index.m3u8 to every byte, mounted at "%s"', async (prefix) => {
  const { get, paths } = setup({ prefix });
  const stream = live(paths, 'yard/cam');
  const waiting = get(`${prefix}/yard/cam/index.m3u8`);
  await new Promise(setImmediate);
  for (const startS of [4, 5, 6, 7]) {
    feed(stream, 1, startS);
  }
  const index = await waiting;
  expect(index.statusCode).toBe(200);
  expect(index.headers['content-type']).toBe('application/vnd.apple.mpegurl');
  expect(index.headers['cache-control']).toBe('private, no-cache');
  expect(Number(index.headers['content-length'])).toBe(index.rawPayload.length);
  expect(index.body).toContain('CODECS="avc1.42C00A,fLaC",RESOLUTION=64x48');

  for (const playlist of ['video1_stream.m3u8', 'audio2_stream.m3u8']) {
    expect(index.body).toContain(playlist);
    const media = await get(`${prefix}/yard/cam/${playlist}`);
    const [, init = ''] = /MAP:URI="([^"]+)"/.exec(media.body) ?? [];
    const head = await get(`${prefix}/yard/cam/${init}`);
    expect(parseInit(head.rawPayload)?.tracks.length).toBe(1);
    expect(linesOf(media.body).length).toBeGreaterThanOrEqual(3);
    for (const name of linesOf(media.body)) {
      const segment = await get(`${prefix}/yard/cam/${name}`);
      expect(segment.headers['content-type']).toBe(playlist.startsWith('video') ? 'video/mp4' : 'audio/mp4');
      expect(Number(segment.headers['content-length'])).toBe(segment.rawPayload.length);
      expect(fragmentBytes(segment.rawPayload)).toBe(segment.rawPayload.length);
    }
  }
});

test('bytes sent are counted on the stream and in the list', async () => {
  const { get, paths, server, clock } = setup();
  const stream = live(paths);
  await get('/cam/index.m3u8');
  await clock.advance(5000);
  const media = await get('/cam/video1_stream.m3u8');
  const segment = await get(`/cam/${linesOf(media.body)[0]}`);
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

test('HEAD returns sizes and types without a body', async () => {
  const { get, player, paths } = setup();
  live(paths);
  const index = await get('/cam/index.m3u8');
  const media = await get('/cam/video1_stream.m3u8');
  for (const name of ['index.m3u8', 'video1_stream.m3u8', linesOf(media.body)[0] ?? '', '', 'hls.min.js']) {
    const [head, whole] = [await player.get(`/cam/${name}`, {}, 'HEAD'), await get(`/cam/${name}`)];
    expect(head.rawPayload.length).toBe(0);
    expect(head.headers['content-length']).toBe(String(whole.rawPayload.length));
    expect(head.headers['content-type']).toBe(whole.headers['content-type']);
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
  ['/cam/video1_stream.m3u8', 404, 'this session has ended, or belongs to another path: open index.m3u8 again'],
  ['/cam/x_video1_seg0.mp4', 404, 'this session has ended, or belongs to another path: open index.m3u8 again'],
  ['/', 404, 'not found'],
  ['/favicon.ico', 404, 'not found'],
] as const)('%s is answered with %d', async ([url, status, error]) => {
  const { get, paths } = setup();
  live(paths, 'secret');
  const answer = await get(url);
  expect(answer.statusCode).toBe(status);
  expect(answer.json()).toEqual({ status: 'error', error });
});

test('an ffmpeg that has read an init segment does not get its URL again; other players do', async () => {
  const { app, get, paths } = setup();
  const stream = live(paths);
  const initOf = (playlist: string) => /MAP:URI="([^"]+)"/.exec(playlist)?.[1];
  const ffmpeg = () => {
    const player = new HlsPlayer(app, false, { 'user-agent': 'Lavf/60.16.100' });
    return async (url: string) => (await player.get(url)).body;
  };
  const open = async (ask: ReturnType<typeof ffmpeg>) =>
    `/cam/${linesOf(await ask('/cam/index.m3u8')).find((line) => line.startsWith('video1'))}`;
  const one = ffmpeg();
  const video = await open(one);
  // It may load a playlist twice before it reads a segment.
  expect(initOf(await one(video))).toBeDefined();
  const init = initOf(await one(video));
  await one(`/cam/${init}`);
  expect(initOf(await one(video))).toBeUndefined();

  const another = ffmpeg();
  expect(initOf(await another(await open(another)))).toBeDefined();
  await get('/cam/index.m3u8');
  const name = initOf((await get('/cam/video1_stream.m3u8')).body);
  await get(`/cam/${name}`);
  expect(initOf((await get('/cam/video1_stream.m3u8')).body)).toBe(name);

  stream.close();
  live(paths);
  expect(initOf(await one(await open(one)))).toBeDefined();
});

test('an ffmpeg that requests an unknown file loses nothing', async () => {
  const { app, paths } = setup();
  live(paths);
  const ffmpeg = new HlsPlayer(app, false, { 'user-agent': 'Lavf/60.16.100' });
  const [video = ''] = linesOf((await ffmpeg.get('/cam/index.m3u8')).body);
  const session = video.slice(video.indexOf('?'));
  for (let i = 0; i < 40; i += 1) {
    expect((await ffmpeg.get(`/cam/x${i}_init.mp4${session}`)).statusCode).toBe(404);
  }
  const init = /MAP:URI="([^"]+)"/.exec((await ffmpeg.get(`/cam/${video}`)).body)?.[1];
  await ffmpeg.get(`/cam/${init}`);
  expect((await ffmpeg.get(`/cam/${video}`)).body).not.toContain('EXT-X-MAP');
});

test('a query that would enlarge a playlist to megabytes is rejected', async () => {
  const { get, paths } = setup();
  live(paths);
  await get('/cam/index.m3u8');
  for (const name of ['index.m3u8', 'video1_stream.m3u8']) {
    expect((await get(`/cam/${name}?jwt=${'x'.repeat(4_000)}`)).statusCode).toBe(200);
    const refused = await get(`/cam/${name}?jwt=${'x'.repeat(4_100)}`);
    expect([refused.statusCode, refused.json().error]).toEqual([400, 'query of 4105 characters, at most 4096 allowed']);
  }
});

test('a token in the query is added to each address', async () => {
  const { get, paths } = setup();
  live(paths, 'secret');
  const index = await get('/secret/index.m3u8?jwt=right');
  for (const playlist of linesOf(index.body)) {
    const media = await get(`/secret/${playlist}`);
    expect(media.statusCode).toBe(200);
    const segment = await get(`/secret/${linesOf(media.body)[0]}`);
    expect(segment.statusCode).toBe(200);
  }
});

test('a path without its slash leads to its page, on this host and below this prefix', async () => {
  const { app, get } = setup({ prefix: '/hls' });
  const answer = await app.inject('/hls/yard/cam?muted=false');
  expect([answer.statusCode, answer.headers.location]).toEqual([302, './cam/?muted=false']);
  const page = await get('/hls/yard/cam/');
  expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
  expect(page.body).toContain("'hls.min.js'");
  // Without a built page its scripts are missing here, too.
  expect((await get('/hls/yard/cam/hls.min.js')).statusCode).toBe(404);
  expect((await get('/hls/perch-video.js')).statusCode).toBe(404);
  expect((await get('/hls/yard/cam/near-live.js')).statusCode).toBe(404);
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

test('a muxer without requests closes and releases its stream', async () => {
  const { get, paths, server, clock } = setup();
  const stream = live(paths);
  await get('/cam/index.m3u8');
  expect(stream.readers.map(({ kind }) => kind)).toEqual([undefined]);
  await clock.advance(20_000);
  await get('/cam/video1_stream.m3u8');
  await clock.advance(20_000);
  await clock.advance(20_000);
  expect(server.list().length).toBe(1);
  await clock.advance(40_000);
  expect(server.list()).toEqual([]);
  expect(stream.readers).toEqual([]);
});

test('all requests for a path share one muxer; a new stream of the path gets a new one with new names', async () => {
  const { get, paths } = setup();
  const first = live(paths);
  const answers = await Promise.all([1, 2, 3].map(() => get('/cam/index.m3u8')));
  expect(new Set(answers.map((answer) => answer.body)).size).toBe(1);
  expect(first.readers.length).toBe(1);
  const before = linesOf((await get('/cam/video1_stream.m3u8')).body)[0] ?? '';
  first.close();
  expect((await get(`/cam/${before}`)).statusCode).toBe(404);
  live(paths);
  await get('/cam/index.m3u8');
  const after = linesOf((await get('/cam/video1_stream.m3u8')).body)[0] ?? '';
  expect(after.slice(0, 12)).not.toBe(before.slice(0, 12));
});

test('a stream without a key frame is not waited for for ever', async () => {
  const { get, paths, clock } = setup();
  paths.streams.set('cam', new Stream([tinyH264]));
  const waiting = get('/cam/index.m3u8');
  await clock.advance(20_000);
  expect((await waiting).json()).toEqual({ status: 'error', error: "path 'cam' has had no key frame for 20 s" });
});

test('with alwaysRemux the muxer starts with the stream and keeps running', async () => {
  const { server, clock } = setup({ options: { alwaysRemux: true } });
  const stream = new Stream([tinyH264, g711]);
  server.streamOpened('cam', stream);
  await clock.advance(600_000);
  expect(server.list().map((item) => item.path)).toEqual(['cam']);
  stream.close();
  expect(server.list()).toEqual([]);
});

test('with alwaysRemux a server that starts later muxes all existing streams', async () => {
  const { clock } = setup();
  const [plain, onDemand] = [new Stream([tinyH264]), new Stream([tinyH264], { isOnDemand: true })];
  const streams = new Map(Object.entries({ cam: plain, late: onDemand }));
  const paths = { open: () => Promise.reject(new Error('not opened')), openStreams: () => streams };
  const server = new HlsServer({ ...HLS_OPTIONS, alwaysRemux: true }, paths, clock, silentLogger);
  expect(server.list().map(({ path }) => path)).toEqual(['cam']);
  await server.close();
});

test('alwaysRemux is switched on and off while viewers watch', async () => {
  const { clock } = setup();
  const watched = new Stream([tinyH264]);
  const streams = new Map([
    ['watched', watched],
    ['cam', new Stream([tinyH264])],
  ]);
  const paths = { open: async () => watched, openStreams: () => streams };
  const server = new HlsServer(HLS_OPTIONS, paths, clock, silentLogger);
  void server.open('watched').catch(() => {});
  await clock.advance(0);
  const [before] = server.list();
  server.setAlwaysRemux(true);
  expect(server.list().map(({ path }) => path)).toEqual(['watched', 'cam']);
  await clock.advance(600_000);
  expect(server.list().find(({ path }) => path === 'watched')?.created).toBe(before?.created);
  server.setAlwaysRemux(false);
  await clock.advance(600_000);
  expect(server.list()).toEqual([]);
  await server.close();
});

test('with alwaysRemux a source on demand gets a muxer for viewers only, and is let go when they have gone', async () => {
  const { get, paths, server, clock } = setup({ options: { alwaysRemux: true } });
  const stream = new Stream([tinyH264, g711], { isOnDemand: true });
  paths.streams.set('cam', stream);
  server.streamOpened('cam', stream);
  expect(stream.audience).toBe(0);
  feed(stream, 4);
  await get('/cam/index.m3u8');
  expect(stream.audience).toBe(1);
  await clock.advance(600_000);
  expect(stream.audience).toBe(0);
});

test('a closed server ends its muxers and opens none', async () => {
  const { get, paths, server } = setup();
  const stream = live(paths);
  await get('/cam/index.m3u8');
  server.close();
  expect(stream.readers).toEqual([]);
  await expect(server.open('cam')).rejects.toThrow('shutting down');
});

test.for([
  ['late', "source of path 'late' has timed out"],
  ['full', "maximum reader count reached: path 'full' has 1"],
  ['unknown', "path 'unknown' is not configured"],
] as const)('what the path %s refuses is answered with 500 and its reason', async ([name, error]) => {
  const { get } = setup();
  const answer = await get(`/${name}/index.m3u8`);
  expect([answer.statusCode, answer.json()]).toEqual([500, { status: 'error', error }]);
});

test('all HLS viewers are one reader of the path, with the query of the first', async () => {
  const { get, paths } = setup();
  const stream = live(paths);
  feed(stream, 4, 4);
  const first = get('/cam/index.m3u8?a=1&b');
  await new Promise(setImmediate);
  feed(stream, 4, 8);
  expect((await first).statusCode).toBe(200);
  expect((await get('/cam/index.m3u8?a=2')).statusCode).toBe(200);
  expect(paths.asked).toEqual(['cam?a=1&b=']);
  expect(stream.audience).toBe(1);
});

test('a stream that HLS does not support is answered with 500 and the supported codecs', async () => {
  const { get, paths } = setup();
  paths.streams.set('cam', new Stream([{ kind: 'multiplex', codec: 'mpeg-ts', clockRate: 90_000 }]));
  const answer = await get('/cam/index.m3u8');
  expect(answer.statusCode).toBe(500);
  expect(answer.json().error).toMatch(
    /^the stream on path 'cam' has MPEG-TS, which HLS does not support: it supports H264/,
  );
});

test.for([
  ['/hls/cam.m3u8?a=1', 302, './cam/index.m3u8?a=1'],
  ['/hls/yard/cam/hls.m3u8', 302, './index.m3u8'],
  ['/hls/unknown.m3u8', 404, undefined],
  ['/hls/secret/hls.m3u8', 401, undefined],
  ['/hls/secret/hls.m3u8?jwt=right', 302, './index.m3u8?jwt=right'],
] as const)('where other servers have a playlist: %s is answered with %d', async ([url, status, location]) => {
  const { app } = setup({ prefix: '/hls' });
  const answer = await app.inject(url);
  expect([answer.statusCode, answer.headers.location]).toEqual([status, location]);
});

test('a path of MPEG-TS has one playlist, and segments of that kind', async () => {
  const { get, paths } = setup({ options: { variant: 'mpegts' } });
  live(paths);
  const index = await get('/cam/index.m3u8');
  expect(linesOf(index.body)).toEqual(['main_stream.m3u8']);
  const media = await get('/cam/main_stream.m3u8');
  const [name = ''] = linesOf(media.body);
  const segment = await get(`/cam/${name}`);
  expect([segment.headers['content-type'], segment.rawPayload[0]]).toEqual(['video/mp2t', 0x47]);
  expect(Number(segment.headers['content-length'])).toBe(segment.rawPayload.length);
});
