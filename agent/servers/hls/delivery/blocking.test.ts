import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { feed, HlsPlayer, live, openHlsHarness } from '../../../../test/support/harness/servers/hls-harness.ts';

/** A player of low latency, at a stream that has run for four seconds. */
async function setup(options: Parameters<typeof openHlsHarness>[0] = {}) {
  const box = openHlsHarness({ ...options, options: { variant: 'lowLatency', ...options.options } });
  const thrown: unknown[] = [];
  box.app.addHook('onError', async (_request, _reply, error) => {
    thrown.push(error);
  });
  const stream = live(box.paths);
  const player = new HlsPlayer(box.app, true, options.options?.cdnSecret ? { authorization: 'Bearer x' } : {});
  await player.get('/cam/index.m3u8');
  const playlist = async (query = '', headers: Record<string, string> = {}) =>
    player.get(`/cam/video1_stream.m3u8${query}`, headers);
  return { ...box, thrown, stream, player, playlist };
}

const hintOf = (body: string): string => /PRELOAD-HINT:TYPE=PART,URI="([^"]+)"/.exec(body)?.[1] ?? '';

/** Where a playlist ends. */
function endOf(body: string): { msn: number; part: number } {
  const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(body)?.[1]);
  const segments = body.match(/#EXTINF/g)?.length ?? 0;
  const running = body.slice(body.lastIndexOf('#EXTINF'));
  return { msn: first + segments, part: running.match(/#EXT-X-PART:/g)?.length ?? 0 };
}

/** State of `promise` after all pending work has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.finally(() => {
    settled = true;
  });
  for (let i = 0; i < 5; i += 1) {
    await new Promise(setImmediate);
  }
  return settled;
}

test('a request for the next part is answered when the part is complete, not before', async () => {
  const { stream, playlist } = await setup();
  const { msn, part } = endOf((await playlist()).body);
  const waiting = playlist(`?_HLS_msn=${msn}&_HLS_part=${part}`);
  expect(await isSettled(waiting)).toBe(false);
  feed(stream, 1, 4);
  const answer = await waiting;
  expect(answer.statusCode).toBe(200);
  const end = endOf(answer.body);
  expect(end.msn > msn || end.part > part).toBe(true);
});

test('a hinted part is sent when it exists, under its hinted name', async () => {
  const { stream, player, playlist } = await setup();
  const hint = hintOf((await playlist()).body);
  const waiting = player.get(`/cam/${hint}`);
  expect(await isSettled(waiting)).toBe(false);
  feed(stream, 1, 4);
  const part = await waiting;
  expect([part.statusCode, part.headers['content-type']]).toEqual([200, 'video/mp4']);
  expect((await playlist()).body).toContain(`URI="${hint}"`);
});

test('a request for a name that was never hinted does not wait', async () => {
  const { player, playlist } = await setup();
  const hint = hintOf((await playlist()).body);
  expect((await player.get(`/cam/${hint.replace(/part\d+/, 'part99')}`)).statusCode).toBe(404);
});

test.for([
  ['?_HLS_part=0', '_HLS_part without _HLS_msn: a part is one of a segment'],
  ['?_HLS_msn=x', "_HLS_msn is 'x': it takes a whole number"],
  ['?_HLS_msn=99', /^segment 99 is too far ahead: the last one is \d$/],
  ['?_HLS_msn=3&_HLS_part=99', /^segment 3, part 99 is too far ahead: the last one is \d$/],
] as const)('%s is refused', async ([query, error]) => {
  const { playlist } = await setup();
  const answer = await playlist(query);
  expect(answer.statusCode).toBe(400);
  expect(answer.json().error).toMatch(error);
});

test('a request for an older segment is answered with the list at once', async () => {
  const { playlist } = await setup();
  expect((await playlist('?_HLS_msn=0')).statusCode).toBe(200);
});

test('the end of the stream ends the wait for a part with 500, that for a playlist after eight seconds with 404', async () => {
  const { stream, player, playlist, clock } = await setup();
  const { body } = await playlist();
  const { msn } = endOf(body);
  const list = playlist(`?_HLS_msn=${msn}`);
  const part = player.get(`/cam/${hintOf(body)}`);
  await isSettled(Promise.all([list, part]));
  stream.close();
  const answer = await part;
  expect([answer.statusCode, answer.json()]).toEqual([500, { status: 'error', error: 'the stream has ended' }]);
  expect(await isSettled(list)).toBe(false);
  await clock.advance(8_000);
  expect((await list).statusCode).toBe(404);
});

test('requests for a stalled stream time out, and later requests wait again', async () => {
  const { thrown, clock, playlist } = await setup();
  const { msn } = endOf((await playlist()).body);
  const target = Number(/TARGETDURATION:(\d+)/.exec((await playlist()).body)?.[1]);
  const patienceMs = Math.max(5000, target * 3000);
  const first = playlist(`?_HLS_msn=${msn}`);
  await isSettled(first);
  await clock.advance(patienceMs - 1000);
  const second = playlist(`?_HLS_msn=${msn}`);
  await isSettled(second);
  await clock.advance(1000);
  const answer = await first;
  expect(answer.statusCode).toBe(503);
  expect(answer.json().error).toBe(`the stream has stalled for ${patienceMs / 1000} s`);
  expect(await isSettled(second)).toBe(false);
  await clock.advance(patienceMs);
  expect((await second).statusCode).toBe(503);
  // A stalled camera adds no log line per viewer.
  expect(thrown).toEqual([]);
  expect(clock.sleeping).toBeLessThan(5);
});

test('a session does not end while something is waited for in it', async () => {
  const { clock, server, stream, playlist } = await setup();
  // A target of eleven seconds is waited for longer than a session that is idle lasts.
  feed(stream, 7, 4);
  feed(stream, 1, 11);
  const { msn } = endOf((await playlist()).body);
  const waiting = playlist(`?_HLS_msn=${msn}`);
  await isSettled(waiting);
  for (let waitedMs = 0; waitedMs < 40_000 && !(await isSettled(waiting)); waitedMs += 1000) {
    expect(server.sessions.list().length).toBe(1);
    await clock.advance(1000);
  }
  expect((await waiting).statusCode).toBe(503);
});

test('a kicked viewer gets no more answers, nor does its waiting request', async () => {
  const { server, stream, playlist } = await setup();
  const { msn } = endOf((await playlist()).body);
  const waiting = playlist(`?_HLS_msn=${msn}`);
  await isSettled(waiting);
  server.sessions.kick(server.sessions.list()[0]?.id ?? '');
  feed(stream, 1, 4);
  feed(stream, 1, 5);
  expect((await waiting).statusCode).toBe(404);
});

test('the waiting requests of a session are limited', async () => {
  const { stream, playlist } = await setup();
  const { msn } = endOf((await playlist()).body);
  const waiting = Array.from({ length: 32 }, () => playlist(`?_HLS_msn=${msn}`));
  await isSettled(Promise.all(waiting));
  const refused = await playlist(`?_HLS_msn=${msn}`);
  expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '1']);
  expect(refused.json().error).toBe('32 requests of this session are waiting already, limit 32');
  feed(stream, 1, 4);
  feed(stream, 1, 5);
  expect((await Promise.all(waiting)).map((answer) => answer.statusCode)).toEqual(Array(32).fill(200));
  expect((await playlist(`?_HLS_msn=${msn}`)).statusCode).toBe(200);
});

test('playlists are compressed for clients that accept it, and caches keep both apart', async () => {
  const { stream, playlist } = await setup();
  feed(stream, 1, 4);
  feed(stream, 1, 5);
  const plain = await playlist('', { 'accept-encoding': 'br, gzip;q=0' });
  const packed = await playlist('', { 'accept-encoding': 'gzip, deflate, br' });
  expect([plain.headers['content-encoding'], packed.headers['content-encoding']]).toEqual([undefined, 'gzip']);
  expect(gunzipSync(packed.rawPayload).toString()).toBe(plain.body);
  expect(Number(packed.headers['content-length'])).toBe(packed.rawPayload.length);
  // The other is for the answer's origin.
  expect([plain.headers.vary, packed.headers.vary]).toEqual(Array(2).fill('Origin, Accept-Encoding'));
});

test('a playlist of a single viewer is compressed while viewers are few', async () => {
  const { app, server, stream } = await setup();
  feed(stream, 1, 4);
  feed(stream, 1, 5);
  const player = new HlsPlayer(app, false, { 'accept-encoding': 'gzip' });
  const index = await player.get('/cam/index.m3u8');
  const encoding = async () => {
    const media = await player.get(`/cam/${index.body.trim().split('\n').at(-1)}`);
    return media.headers['content-encoding'];
  };
  expect(await encoding()).toBe('gzip');
  while (server.sessions.count <= 16) {
    await new HlsPlayer(app).get('/cam/index.m3u8');
  }
  expect(await encoding()).toBeUndefined();
});

test('made-up queries do not cause compression of each playlist', async () => {
  const { server, app, stream, playlist } = await setup();
  feed(stream, 1, 4);
  feed(stream, 1, 5);
  while (server.sessions.count <= 16) {
    await new HlsPlayer(app).get('/cam/index.m3u8');
  }
  const encodings: unknown[] = [];
  for (let i = 0; i < 18; i += 1) {
    encodings.push((await playlist(`?a=${i}`, { 'accept-encoding': 'gzip' })).headers['content-encoding']);
  }
  expect(encodings).toEqual([...Array(16).fill('gzip'), undefined, undefined]);
});

test('a CDN may cache blocking responses, which never change, but no others', async () => {
  const { stream, playlist } = await setup({ options: { cdnSecret: 'x' } });
  const now = await playlist();
  expect(now.headers['cache-control']).toBe('public, no-cache');
  const { msn } = endOf(now.body);
  feed(stream, 1, 4);
  feed(stream, 1, 5);
  const waited = await playlist(`?_HLS_msn=${msn}`);
  const target = Number(/TARGETDURATION:(\d+)/.exec(waited.body)?.[1]);
  expect(waited.headers['cache-control']).toBe(`public, max-age=${6 * target}`);
});

test('parts and segments are sent in ranges', async () => {
  const { stream, player, playlist } = await setup();
  feed(stream, 1, 4);
  feed(stream, 1, 5);
  const made = (await playlist()).body.replace(/#EXT-X-PRELOAD-HINT.*/, '');
  const names = made.match(/\w+_(?:seg|part)\d+\.mp4/g) ?? [];
  expect(names.length).toBeGreaterThan(3);
  for (const name of names) {
    const whole = await player.get(`/cam/${name}`);
    expect(whole.headers['accept-ranges']).toBe('bytes');
    const size = whole.rawPayload.length;
    const range = await player.get(`/cam/${name}`, { range: 'bytes=5-104' });
    expect([range.statusCode, range.headers['content-range']]).toEqual([206, `bytes 5-104/${size}`]);
    expect(range.rawPayload).toEqual(whole.rawPayload.subarray(5, 105));
    const outside = await player.get(`/cam/${name}`, { range: `bytes=${size}-` });
    expect([outside.statusCode, outside.headers['content-range']]).toEqual([416, `bytes */${size}`]);
    const unknown = await player.get(`/cam/${name}`, { range: 'bytes=5-104', 'if-range': '"x"' });
    expect(unknown.statusCode).toBe(200);
  }
  // Safari's probe.
  const probe = await player.get(`/cam/${names[0]?.replace('.mp4', '.mp')}`, { range: 'bytes=0-1' });
  expect([probe.statusCode, probe.rawPayload.length]).toEqual([206, 2]);
});
