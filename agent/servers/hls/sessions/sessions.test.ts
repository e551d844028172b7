import { expect, test } from 'vitest';
import { until } from '../../../../test/peers/agent/agent.ts';
import {
  feed,
  HlsPlayer,
  linesOf,
  live,
  openHlsHarness,
} from '../../../../test/support/harness/servers/hls-harness.ts';
import { Stream } from '../../../stream/stream.ts';

const ATTRIBUTES = 'HttpOnly; SameSite=Lax';

function setup(options: Parameters<typeof openHlsHarness>[0] = {}) {
  const box = openHlsHarness(options);
  const stream = live(box.paths);
  return { ...box, stream };
}

test('a viewer is first checked for cookies, and redirected with its query', async () => {
  const { app, server } = setup();
  const answer = await app.inject('/cam/index.m3u8?user=a&b=%22x&_HLS_skip=YES');
  expect([answer.statusCode, answer.headers.location]).toEqual([
    302,
    './index.m3u8?_HLS_skip=YES&b=%22x&cookieCheck=1&user=a',
  ]);
  expect(answer.headers['set-cookie']).toBe(`cookieCheck=1; ${ATTRIBUTES}`);
  expect(server.sessions.list()).toEqual([]);
});

test('a player with cookies is known by them: addresses carry its query, and no secret', async () => {
  const { app, server } = setup();
  const player = new HlsPlayer(app);
  const index = await player.get('/cam/index.m3u8?token=b&user=a');
  expect(index.headers['set-cookie']).toMatch(/^hlsSession=[0-9a-f-]{36}; HttpOnly; SameSite=Lax$/);
  expect(linesOf(index.body)).toEqual(['video1_stream.m3u8?token=b&user=a']);
  const media = await player.get('/cam/video1_stream.m3u8?token=b&user=a');
  expect(linesOf(media.body)[0]).toMatch(/_seg1\.mp4\?token=b&user=a$/);
  expect((await player.get(`/cam/${linesOf(media.body)[0]}`)).statusCode).toBe(200);
  expect(server.sessions.list().length).toBe(1);
});

test('over TLS its cookies are for frames of other sites too', async () => {
  const { app } = setup();
  const player = new HlsPlayer(app, true, { 'x-test-tls': '1' });
  const index = await player.get('/cam/index.m3u8');
  expect(index.headers['set-cookie']).toMatch(/^hlsSession=\S+ HttpOnly; Secure; SameSite=None; Partitioned$/);
});

test('a player without cookies is known by a secret in every address', async () => {
  const { app } = setup();
  const player = new HlsPlayer(app, false);
  const index = await player.get('/cam/index.m3u8?token=b');
  const [video = ''] = linesOf(index.body);
  expect(video).toMatch(/^video1_stream\.m3u8\?token=b&session=[0-9a-f-]{36}$/);
  const media = await player.get(`/cam/${video}`);
  const secret = video.slice(video.indexOf('?'));
  for (const line of linesOf(media.body)) {
    expect(line.endsWith(secret)).toBe(true);
    expect((await player.get(`/cam/${line}`)).statusCode).toBe(200);
  }
  expect(media.body).toContain(`_init.mp4${secret}"`);
});

test('GStreamer keeps the cookies of the first response only, so its addresses carry the secret', async () => {
  const { app } = setup();
  const player = new HlsPlayer(app, true, { 'user-agent': 'GStreamer souphttpsrc 1.22.0 libsoup/3.2.3' });
  const index = await player.get('/cam/index.m3u8');
  expect(linesOf(index.body)[0]).toMatch(/^video1_stream\.m3u8\?session=[0-9a-f-]{36}$/);
  expect(String(index.headers['set-cookie'])).not.toContain('hlsSession');
});

test.for([
  ['with cookies', true],
  ['without cookies', false],
] as const)('a player %s that opens the stream again continues its session', async ([, keepsCookies]) => {
  const { app, server } = setup();
  const player = new HlsPlayer(app, keepsCookies);
  const first = await player.get('/cam/index.m3u8');
  const session = keepsCookies ? '' : `?${linesOf(first.body)[0]?.split('?')[1]}`;
  const again = await player.get(`/cam/index.m3u8${session}`);
  expect(again.body).toBe(first.body);
  expect(server.sessions.list().length).toBe(1);
});

test('an expired secret starts a new session, and is removed from the addresses', async () => {
  const { app, server } = setup();
  const player = new HlsPlayer(app, false);
  const index = await player.get('/cam/index.m3u8?session=00000000-0000-0000-0000-000000000000');
  expect(linesOf(index.body)[0]?.match(/session=/g)?.length).toBe(1);
  expect(index.body).not.toContain('00000000-0000');
  expect(server.sessions.list().length).toBe(1);
});

test('a session holds for its path only, from every address', async () => {
  const { app, paths } = setup();
  live(paths, 'cam/sub');
  const player = new HlsPlayer(app);
  await player.get('/cam/index.m3u8');
  const cookies = [...player.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const ask = async (url: string, headers: Record<string, string> = {}) =>
    (await app.inject({ url, headers: { cookie: cookies, ...headers } })).statusCode;
  expect(await ask('/cam/video1_stream.m3u8')).toBe(200);
  expect(await ask('/cam/sub/video1_stream.m3u8')).toBe(404);
  expect(await ask('/cam/video1_stream.m3u8', { 'x-test-ip': '192.0.2.9' })).toBe(200);
  // For URLs in the deeper folder, the browser sends the cookies of both.
  const sub = new HlsPlayer(app, true, { cookie: cookies });
  await sub.get('/cam/sub/index.m3u8');
  const both = `hlsSession=${player.cookies.get('hlsSession')}; hlsSession=${sub.cookies.get('hlsSession')}`;
  expect(await ask('/cam/sub/video1_stream.m3u8', { cookie: both })).toBe(200);
});

test('an unknown session gets no challenge: the player has to start again', async () => {
  const { app } = setup();
  const answer = await app.inject('/cam/video1_stream.m3u8');
  expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([404, undefined]);
});

test('from a new address the login of the path is asked for once; the addresses of a player are limited', async () => {
  const { app, paths, server } = setup();
  live(paths, 'secret');
  const player = new HlsPlayer(app);
  await player.get('/secret/index.m3u8?jwt=right');
  const ask = async (ip: string, query = '') =>
    (await player.get(`/secret/video1_stream.m3u8${query}`, { 'x-test-ip': ip })).statusCode;
  expect(await ask('192.0.2.1')).toBe(200);
  expect(await ask('192.0.2.9')).toBe(401);
  expect(await ask('192.0.2.9', '?jwt=right')).toBe(200);
  expect([await ask('192.0.2.9'), await ask('192.0.2.1')]).toEqual([200, 200]);
  expect(server.sessions.list().length).toBe(1);
  for (let i = 0; i < 16; i += 1) {
    expect(await ask(`2001:db8::${i}`, '?jwt=right')).toBe(200);
  }
  expect([await ask('2001:db8::15'), await ask('192.0.2.1')]).toEqual([200, 401]);
});

test.for([
  ['with cookies', true],
  ['without cookies', false],
] as const)(
  'a player %s continues with the next stream of its path: numbers rise, and a discontinuity is marked',
  async ([, keepsCookies]) => {
    const { app, paths, server, stream, clock } = setup();
    const player = new HlsPlayer(app, keepsCookies);
    const [address = ''] = linesOf((await player.get('/cam/index.m3u8')).body);
    const before = (await player.get(`/cam/${address}`)).body;
    stream.close();
    const waiting = player.get(`/cam/${address}`);
    await clock.advance(3_000);
    expect(server.sessions.list()).toEqual([]);
    server.streamOpened('cam', live(paths));
    const { statusCode, body } = await waiting;
    expect(statusCode).toBe(200);
    const numberOf = (text: string, tag: string) => Number(new RegExp(`${tag}:(\\d+)`).exec(text)?.[1] ?? 0);
    const segments = before.match(/#EXTINF/g)?.length ?? 0;
    expect(numberOf(body, 'MEDIA-SEQUENCE')).toBeGreaterThanOrEqual(numberOf(before, 'MEDIA-SEQUENCE') + segments);
    expect(numberOf(body, 'DISCONTINUITY-SEQUENCE')).toBe(numberOf(before, 'DISCONTINUITY-SEQUENCE') + 1);
    expect((await player.get(`/cam/${linesOf(body)[0]}`)).statusCode).toBe(200);
    expect(server.sessions.list().length).toBe(1);
  },
);

test('without a next stream the old playlist is not found, and the index plays once there is one', async () => {
  const { app, paths, stream, clock } = setup();
  const player = new HlsPlayer(app);
  await player.get('/cam/index.m3u8');
  stream.close();
  const waiting = player.get('/cam/video1_stream.m3u8');
  await clock.advance(8_000);
  expect((await waiting).statusCode).toBe(404);
  live(paths);
  expect((await player.get('/cam/index.m3u8')).statusCode).toBe(200);
  expect((await player.get('/cam/video1_stream.m3u8')).statusCode).toBe(200);
});

test('a session whose stream has ended asks for the login again', async () => {
  const { app, paths } = setup();
  const stream = live(paths, 'secret');
  const player = new HlsPlayer(app);
  await player.get('/secret/index.m3u8?jwt=right');
  stream.close();
  live(paths, 'secret');
  expect((await player.get('/secret/video1_stream.m3u8')).statusCode).toBe(401);
  expect((await player.get('/secret/video1_stream.m3u8?jwt=right')).statusCode).toBe(200);
});

test('a session ends when nothing has been asked in it for half a minute', async () => {
  const { app, clock, server, stream } = setup();
  const player = new HlsPlayer(app);
  await player.get('/cam/index.m3u8');
  await clock.advance(25_000);
  await player.get('/cam/video1_stream.m3u8');
  await clock.advance(25_000);
  expect([server.sessions.list().length, stream.viewers.size]).toEqual([1, 1]);
  await clock.advance(15_000);
  expect([server.sessions.list().length, stream.viewers.size]).toEqual([0, 0]);
});

test('a player that was paused for 45 seconds continues in a new session, though its muxer is still the same', async () => {
  const { app, clock, server, stream } = setup();
  const player = new HlsPlayer(app);
  await player.get('/cam/index.m3u8');
  const before = await player.get('/cam/video1_stream.m3u8');
  const [{ id: former = '' } = {}] = server.sessions.list();
  for (let second = 4; second < 49; second += 1) {
    feed(stream, 1, second);
    await clock.advance(1000);
  }
  expect(server.sessions.list()).toEqual([]);
  // Safari asks for nothing while the phone is locked, hls.js little in a hidden tab.
  const resumed = await player.get('/cam/video1_stream.m3u8');
  expect(resumed.statusCode).toBe(200);
  const [first = ''] = linesOf(resumed.body);
  expect(linesOf(before.body)).not.toContain(first);
  expect(first.slice(0, 12)).toBe(linesOf(before.body)[0]?.slice(0, 12));
  expect((await player.get(`/cam/${first}`)).statusCode).toBe(200);
  expect(server.sessions.list().map(({ id, path }) => [id === former, path])).toEqual([[false, 'cam']]);
});

test('a player that was paused is authorized again, from its own address too', async () => {
  const { app, clock, paths, server } = setup();
  live(paths, 'secret');
  const player = new HlsPlayer(app);
  await player.get('/secret/index.m3u8?jwt=right');
  const ask = async (query: string, ip: string) =>
    (await player.get(`/secret/video1_stream.m3u8${query}`, { 'x-test-ip': ip })).statusCode;
  await clock.advance(45_000);
  expect([await ask('', '192.0.2.1'), await ask('?jwt=revoked', '192.0.2.1')]).toEqual([401, 401]);
  expect(server.sessions.list()).toEqual([]);
  expect(await ask('?jwt=right', '192.0.2.1')).toBe(200);
  expect([await ask('', '192.0.2.1'), await ask('', '192.0.2.9')]).toEqual([200, 401]);
});

test('a viewer who is kicked after a pause has to start again', async () => {
  const { app, clock, server } = setup();
  const player = new HlsPlayer(app);
  await player.get('/cam/index.m3u8');
  await clock.advance(45_000);
  expect((await player.get('/cam/video1_stream.m3u8')).statusCode).toBe(200);
  expect(server.sessions.kick(server.sessions.list()[0]?.id ?? '')).toBe(true);
  expect((await player.get('/cam/video1_stream.m3u8')).statusCode).toBe(404);
});

test('a viewer can be kicked during a pause', async () => {
  const { app, clock, server } = setup();
  const player = new HlsPlayer(app);
  await player.get('/cam/index.m3u8');
  const { id = '' } = server.sessions.list()[0] ?? {};
  await clock.advance(45_000);
  expect([server.sessions.list(), server.sessions.kick(id)]).toEqual([[], true]);
  expect((await player.get('/cam/video1_stream.m3u8')).statusCode).toBe(404);
});

test.for([
  [59, 200],
  [61, 404],
] as const)(
  'the playlist of a player that was paused for %i minutes is answered with %i',
  async ([minutes, status]) => {
    const { app, clock } = setup();
    const player = new HlsPlayer(app);
    await player.get('/cam/index.m3u8');
    await clock.advance(minutes * 60_000);
    expect((await player.get('/cam/video1_stream.m3u8')).statusCode).toBe(status);
  },
);

test('of the players that were paused, four thousand may continue: the first one has to start again', async () => {
  const { app, clock, server } = setup();
  const player = new HlsPlayer(app);
  await player.get('/cam/index.m3u8');
  await clock.advance(45_000);
  const { muxer, origin } = await server.open('cam');
  const requester = { path: 'cam', query: '', remoteAddr: '', user: '', userAgent: '' };
  for (let i = 0; i < 4000; i += 1) {
    server.sessions.open({ ...requester, ip: `192.0.2.${i % 8}` }, muxer, origin);
  }
  await clock.advance(45_000);
  expect(server.sessions.count).toBe(0);
  expect((await player.get('/cam/video1_stream.m3u8')).statusCode).toBe(404);
});

test("a session is listed with its viewer's data, never with its secret", async () => {
  const { app, clock, server, stream } = setup();
  await clock.advance(1000);
  const player = new HlsPlayer(app, true, { 'user-agent': 'Player/1', 'x-test-ip': '2001:db8::1' });
  await player.get('/cam/index.m3u8?a=1');
  const media = await player.get('/cam/video1_stream.m3u8');
  const file = await player.get(`/cam/${linesOf(media.body)[0]}`);
  const [item] = server.sessions.list();
  expect(item).toMatchObject({
    created: '2026-01-01T00:00:01.000Z',
    path: 'cam',
    query: 'a=1',
    user: 'ann',
    userAgent: 'Player/1',
    isCDN: false,
    outboundBytes: file.rawPayload.length,
  });
  expect(item?.remoteAddr).toMatch(/^\[2001:db8::1\]:\d+$/);
  expect([...stream.viewers].map(({ kind, id }) => [kind.apiType, id])).toEqual([['hlsSession', item?.id]]);
  expect(JSON.stringify(item)).not.toContain(player.cookies.get('hlsSession'));
});

test('a kicked viewer has to start again; others are unaffected', async () => {
  const { app, server } = setup();
  const [one, other] = [new HlsPlayer(app), new HlsPlayer(app)];
  await one.get('/cam/index.m3u8');
  await other.get('/cam/index.m3u8');
  expect(server.sessions.kick('x')).toBe(false);
  expect(server.sessions.kick(server.sessions.list()[0]?.id ?? '')).toBe(true);
  expect((await one.get('/cam/video1_stream.m3u8')).statusCode).toBe(404);
  expect((await other.get('/cam/video1_stream.m3u8')).statusCode).toBe(200);
  expect((await one.get('/cam/index.m3u8')).statusCode).toBe(200);
});

test('sessions end with their stream', async () => {
  const { app, paths, server, stream } = setup();
  const player = new HlsPlayer(app);
  await player.get('/cam/index.m3u8');
  stream.close();
  expect(server.sessions.list()).toEqual([]);
  live(paths);
  expect((await player.get('/cam/index.m3u8')).statusCode).toBe(200);
  expect(server.sessions.list().length).toBe(1);
});

test('sessions per address are limited until some end', async () => {
  const { app, server, clock } = setup();
  const opened = await server.open('cam');
  const requester = { path: 'cam', query: '', ip: '192.0.2.1', remoteAddr: '192.0.2.1:1', user: '', userAgent: '' };
  for (let i = 0; i < 1000; i += 1) {
    server.sessions.open(requester, opened.muxer, opened.origin);
  }
  const refused = await new HlsPlayer(app).get('/cam/index.m3u8');
  expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '10']);
  expect(refused.json().error).toBe('too many HLS sessions: 1000 from 192.0.2.1, limit 1000');
  const elsewhere = new HlsPlayer(app, true, { 'x-test-ip': '192.0.2.2' });
  expect((await elsewhere.get('/cam/index.m3u8')).statusCode).toBe(200);
  await clock.advance(40_000);
  expect((await new HlsPlayer(app).get('/cam/index.m3u8')).statusCode).toBe(200);
});

test('a CDN with the secret has one session, no cookies, and answers that it may keep', async () => {
  const { app, server } = setup({ options: { cdnSecret: 's3cret' } });
  const cdn = async (url: string, token = 's3cret') =>
    app.inject({ url, headers: { authorization: `Bearer ${token}`, cookie: 'hlsSession=x' } });
  const index = await cdn('/cam/index.m3u8?a=1');
  expect([index.statusCode, index.headers['cache-control']]).toEqual([200, 'public, max-age=30']);
  expect(index.headers['set-cookie']).toBeUndefined();
  const [video = ''] = linesOf(index.body);
  expect(video).toBe('video1_stream.m3u8?a=1');
  const media = await cdn(`/cam/${video}`);
  expect(media.headers['cache-control']).toMatch(/^public, max-age=\d+$/);
  const file = await cdn(`/cam/${linesOf(media.body)[0]}`);
  expect(file.headers['cache-control']).toBe('public, max-age=3600');
  expect(server.sessions.list()).toMatchObject([{ isCDN: true, outboundBytes: file.rawPayload.length }]);
  const missing = await cdn('/cam/x_video1_seg1.mp4');
  expect([missing.statusCode, missing.headers['cache-control']]).toEqual([404, 'no-store']);
  for (const wrong of ['s3cre', 's3cret1', 'S3cret']) {
    expect((await cdn('/cam/video1_stream.m3u8', wrong)).statusCode).toBe(404);
  }
});

test('without a configured secret no client is a CDN', async () => {
  const { app } = setup();
  const headers = { authorization: 'Bearer ' };
  expect((await app.inject({ url: '/cam/video1_stream.m3u8', headers })).statusCode).toBe(404);
});

test("responses for a CDN do not depend on the first client's user agent", async () => {
  const { of, audioForms } = otherForms();
  const { app, stream } = setup({ options: { cdnSecret: 's3cret' }, audioForms });
  feed(of(stream), 4);
  const old = { 'user-agent': 'AppleCoreMedia/1.0.0.20G75 (iPhone; U; CPU OS 16_6 like Mac OS X; en_us)' };
  const cdn = async (url: string, headers: Record<string, string> = {}) =>
    (await app.inject({ url, headers: { authorization: 'Bearer s3cret', ...headers } })).body;
  expect(await cdn('/cam/index.m3u8', old)).toBe(await cdn('/cam/index.m3u8'));
  const media = await cdn('/cam/video1_stream.m3u8');
  expect(media).toContain('#EXTM3U');
  expect(await cdn('/cam/video1_stream.m3u8', old)).toBe(media);
});

test('a guess at the CDN secret is treated like any wrong credential', async () => {
  const { app, paths } = setup({ options: { cdnSecret: 's3cret' } });
  live(paths, 'secret');
  const headers = { authorization: 'Bearer guess' };
  expect((await app.inject({ url: '/secret/index.m3u8', headers })).statusCode).toBe(401);
  // Without a CDN secret nothing can be guessed, and a valid token of another kind works as before.
  expect((await app.inject('/secret/index.m3u8')).statusCode).toBe(302);
  expect((await app.inject({ url: '/secret/index.m3u8?jwt=right', headers })).statusCode).toBe(302);
});

test('two players of one browser share a session, which lasts as long as either of them', async () => {
  const { of, audioForms } = otherForms();
  const { app, clock, server, stream } = setup({ audioForms });
  feed(of(stream), 4);
  const browser = new HlsPlayer(app);
  await browser.get('/cam/index.m3u8');
  await browser.get('/cam/index.m3u8?audio=flac');
  const sessions = server.sessions.list().map(({ id }) => id);
  expect(sessions.length).toBe(1);
  // Without viewers of the first, its muxer closes.
  for (let i = 0; i < 6; i += 1) {
    await clock.advance(20_000);
    expect((await browser.get('/cam/video1_stream.m3u8?audio=flac')).statusCode).toBe(200);
  }
  expect([stream.readers.length, of(stream).readers.length]).toEqual([0, 1]);
  expect(server.sessions.list().map(({ id }) => id)).toEqual(sessions);
});

test('a viewer that waited for converted audio of an ended stream does not affect viewers of the next one', async () => {
  const { of, audioForms } = otherForms();
  const { promise: turned, resolve: turn } = Promise.withResolvers<void>();
  let isSlow = true;
  const open = async (origin: Stream) => {
    await (isSlow ? turned : undefined);
    return of(origin);
  };
  const { app, paths, stream } = setup({ audioForms: { ...audioForms, open } });
  const late = new HlsPlayer(app).get('/cam/index.m3u8?audio=flac');
  await until(() => paths.asked[0]);
  isSlow = false;
  stream.close();
  feed(of(live(paths)), 4);
  const player = new HlsPlayer(app);
  await player.get('/cam/index.m3u8?audio=flac');
  turn();
  expect((await late).statusCode).toBe(404);
  expect((await player.get('/cam/video1_stream.m3u8?audio=flac')).statusCode).toBe(200);
});

/** Maps each stream to one with other audio, as the transcoder does. */
function otherForms() {
  const other = new Map<Stream, Stream>();
  const of = (stream: Stream) => {
    const made = other.get(stream) ?? new Stream(stream.tracks);
    other.set(stream, made);
    return made;
  };
  return { of, audioForms: { of, open: async (stream: Stream) => of(stream) } };
}

test.for([
  ['the query', '?audio=flac', {}],
  [
    'an iPhone of old',
    '',
    { 'user-agent': 'AppleCoreMedia/1.0.0.20G75 (iPhone; U; CPU OS 16_6 like Mac OS X; en_us)' },
  ],
  ['Safari 16', '', { 'user-agent': 'Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/16.6 Safari/605.1.15' }],
] as const)('%s gets FLAC instead of Opus, from a separate muxer', async ([, query, headers]) => {
  const { of, audioForms } = otherForms();
  const { app, paths, server, stream } = setup({ audioForms });
  feed(of(stream), 4);
  const plain = new HlsPlayer(app);
  await plain.get('/cam/index.m3u8');
  const player = new HlsPlayer(app, true, headers);
  const index = await player.get(`/cam/index.m3u8${query}`);
  const media = await player.get(`/cam/${linesOf(index.body)[0]}`);
  const own = linesOf((await plain.get('/cam/video1_stream.m3u8')).body)[0] ?? '';
  const flac = linesOf(media.body)[0] ?? '';
  expect(flac.endsWith(query)).toBe(true);
  expect(flac.slice(0, 12)).not.toBe(own.slice(0, 12));
  expect((await player.get(`/cam/${flac}`)).statusCode).toBe(200);
  // The path is requested once and has one muxer.
  expect([paths.asked, server.list().map(({ path }) => path)]).toEqual([['cam?'], ['cam']]);
});
