// @also without-ffi in long

import type { FastifyInstance } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { FakeClock } from '../../../../../test/support/base/fake-clock.ts';
import { random } from '../../../../../test/support/base/random.ts';
import { offerOf, signallingApp } from '../../../../../test/support/harness/http/signalling-app.ts';
import { type Clock, systemClock } from '../../../../base/clock.ts';
import { PerchError } from '../../../../base/errors.ts';
import { cors } from '../../../../http/listener/cors.ts';
import type { Track } from '../../../../media/sample/track.ts';
import { Stream } from '../../../../stream/stream.ts';
import { type ZlmPluginOptions, zlmPlugin } from './plugin.ts';

const VIEWER = offerOf('chromium-156-linux');
const PUBLISHER = offerOf('obs-30-whip');
/** As the customary client sends it. */
const TEXT = { 'content-type': 'text/plain;charset=utf-8' };
const AUDIO: Track = { kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8_000, channels: 1 };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

interface Asked {
  readonly action: string;
  readonly path: string;
}

/** A service whose paths are `streams`, which may grow; every path but `live/cam1` has an entry. */
async function start({
  streams = ['cam1', 'house/door'],
  clock = systemClock as Clock,
  isOpen = true,
  more = undefined as ZlmPluginOptions['more'],
} = {}): Promise<{
  app: FastifyInstance;
  asked: Asked[];
  streams: string[];
}> {
  const asked: Asked[] = [];
  const open = async (path: string): Promise<Stream> => {
    if (!streams.includes(path)) {
      throw new PerchError('notFound', `no stream is available on path '${path}'`);
    }
    return new Stream([AUDIO]);
  };
  const run = await signallingApp({}, { paths: { open, mayPublish: () => {} } });
  cleanups.push(() => run[Symbol.asyncDispose]());
  const require = async (_request: unknown, action: string, path: string): Promise<void> => {
    asked.push({ action, path });
    if (!isOpen) {
      throw new PerchError('unauthorized', 'authentication error', { challenge: true });
    }
  };
  const options: ZlmPluginOptions = {
    server: run.server,
    access: {
      require,
      identify: ({ headers }) => ({ ip: String(headers['x-test-ip'] ?? '192.0.2.1') }),
      origin: (request) => ({ isSameOrigin: true, baseUrl: `http://${request.host}` }),
    },
    paths: {
      find: (path) => (streams.includes(path) ? { ready: true } : undefined),
      isConfigured: (path) => path !== 'live/cam1' && path !== 'live/cam2',
    },
    cors: (methods, headers) => cors(() => ['*'], methods, headers),
    clock,
    ...(more && { more }),
  };
  await run.app.register(zlmPlugin, options);
  return { app: run.app, asked, streams };
}

const post = (app: FastifyInstance, url: string, payload = VIEWER, headers: Record<string, string> = TEXT) =>
  app.inject({ method: 'POST', url: `/index/api/${url}`, headers, payload });

test('a player gets its answer in JSON with code 0', async () => {
  const { app, asked } = await start();
  const response = await post(app, 'webrtc?app=house&stream=door&type=play');
  expect(response.statusCode).toBe(200);
  expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(response.headers['access-control-allow-origin']).toBe('*');
  expect(response.body).toContain('{\n  "code": 0,\n  "id"');
  const { code, id, sdp, type } = response.json();
  expect({ code, type }).toEqual({ code: 0, type: 'answer' });
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(sdp).toMatch(/^v=0\r\n.*a=ice-lite\r\n.*a=sendonly\r\n/s);
  expect(asked).toEqual([{ action: 'read', path: 'house/door' }]);
});

test.for([
  ['app/stream where there is such a path', 'app=house&stream=door', 'house/door'],
  ['the plain stream for the customary app', 'app=live&stream=cam1', 'cam1'],
  ['slashes of the stream', 'app=a&stream=b%2Fc', 'a/b/c'],
] as const)('the path is %s', async ([, query, path]) => {
  const { app, asked } = await start({ streams: ['cam1', 'house/door', 'a/b/c'] });
  expect((await post(app, `webrtc?${query}&type=play`)).json().code).toBe(0);
  expect(asked).toEqual([{ action: 'read', path }]);
});

test('an invalid stream name is rejected first', async () => {
  const { app, asked } = await start({ streams: [] });
  for (const [name, stream] of [
    ['..', '..'],
    ['a\r\nX: y', 'b'],
    ['a', 'x'.repeat(240)],
    ['a', 'b\0'],
  ] as const) {
    const query = new URLSearchParams({ app: name, stream });
    const played = await post(app, `webrtc?${query}&type=play`);
    expect(played.json()).toMatchObject({ code: -400, msg: expect.stringContaining('invalid path name: ') });
    expect((await post(app, `whip?${query}`)).statusCode).toBe(406);
  }
  expect(asked).toEqual([]);
});

test('a name in any case, and any type of body, is understood', async () => {
  const { app } = await start();
  for (const [name, type] of [
    ['WebRTC', 'application/sdp'],
    ['webRtc', 'application/x-www-form-urlencoded'],
    ['WEBRTC', 'application/json'],
  ] as const) {
    const response = await post(app, `${name}?app=house&stream=door&type=play`, VIEWER, { 'content-type': type });
    expect(response.json().code).toBe(0);
  }
});

test.for([
  ['nothing', '', VIEWER, -300, 'Required parameter missed: "type", "app", "stream"'],
  ['no stream', 'app=live&type=play', VIEWER, -300, 'Required parameter missed: "stream"'],
  ['an unknown type', 'app=house&stream=door&type=talk', VIEWER, -400, 'the type can not supported'],
  ['no offer', 'app=house&stream=door&type=play', '', -400, 'the body has no offer'],
  ['no SDP', 'app=house&stream=door&type=play', 'hello', -400, 'the offer is not a session description'],
  [
    'a candidate that is none',
    'app=house&stream=door&type=play&cand_udp=box:1',
    VIEWER,
    -400,
    "cand_udp 'box:1' is not an",
  ],
] as const)('%s is rejected with a code and the reason', async ([, query, offer, code, msg]) => {
  const { app } = await start();
  const response = await post(app, `webrtc?${query}`, offer);
  expect(response.statusCode).toBe(200);
  expect(response.headers.connection).toBe('close');
  expect(response.json().code).toBe(code);
  expect(response.json().msg).toContain(msg);
});

test('a player waits for its stream, and permission is checked for the final path', async () => {
  const clock = new FakeClock();
  const { app, asked, streams } = await start({ streams: [], clock });
  const answered = post(app, 'webrtc?app=live&stream=cam1&type=play');
  await expect.poll(() => asked.length).toBe(1);
  await clock.advance(10_000);
  expect(asked).toHaveLength(1);
  streams.push('live/cam1');
  await clock.advance(250);
  expect((await answered).json().code).toBe(0);
  expect(asked.map(({ path }) => path)).toEqual(['cam1', 'live/cam1']);
});

test('a stream that does not start within 15 s is not found', async () => {
  const clock = new FakeClock();
  const { app, asked } = await start({ streams: [], clock });
  const [json, text] = [post(app, 'webrtc?app=house&stream=door&type=play'), post(app, 'whep?app=house&stream=door')];
  await expect.poll(() => asked.length).toBe(2);
  await clock.advance(15_000);
  expect((await json).json()).toEqual({ code: -400, msg: 'stream not found' });
  expect([(await text).statusCode, (await text).body]).toEqual([406, 'stream not found']);
  expect((await text).headers['content-type']).toBe('text/plain; charset=utf-8');
});

test('a fault while waiting for a stream fails that call only', async () => {
  const streamNotFound = async (): Promise<boolean> => {
    // HTTP/2: the client has gone, and its socket with it.
    throw new TypeError('the socket is gone');
  };
  const { app } = await start({ more: { streamNotFound, answer: async () => undefined } });
  expect((await post(app, 'webrtc?app=live&stream=none&type=play')).statusCode).toBe(500);
  expect((await post(app, 'webrtc?app=house&stream=door&type=play')).json()).toMatchObject({ code: 0 });
});

test('a hundred players wait for a stream, fifty per address, and others are rejected at once', async () => {
  const clock = new FakeClock();
  const { app, asked } = await start({ streams: [], clock });
  let answers = 0;
  const play = async (from: string) => {
    const response = await post(app, 'webrtc?app=house&stream=door&type=play', VIEWER, { ...TEXT, 'x-test-ip': from });
    answers += 1;
    return response.json();
  };
  const crowd = Array.from({ length: 90 }, (_, i) => play(i < 70 ? '192.0.2.1' : '192.0.2.2'));
  await expect.poll(() => answers).toBe(20);
  crowd.push(...Array.from({ length: 40 }, () => play('192.0.2.3')));
  await expect.poll(() => answers).toBe(30);
  await clock.advance(15_000);
  expect(await Promise.all(crowd)).toEqual(Array(130).fill({ code: -400, msg: 'stream not found' }));
  const later = post(app, 'webrtc?app=house&stream=door&type=play');
  await expect.poll(() => asked.length).toBe(131);
  await clock.advance(15_000);
  expect((await later).json().msg).toBe('stream not found');
});

test('publishers and echoes need the right to publish', async () => {
  const { app, asked } = await start();
  const pushed = await post(app, 'webrtc?app=house&stream=door&type=push', PUBLISHER);
  expect(pushed.json()).toMatchObject({ code: 0, type: 'answer' });
  expect(pushed.json().sdp).toContain('a=recvonly\r\n');
  const echoed = await post(app, 'webrtc?app=any&stream=thing&type=echo', offerOf('chromium-156-linux-echo'));
  expect(echoed.json().sdp).toContain('a=sendrecv\r\n');
  expect((await post(app, 'whip?app=live&stream=cam1', PUBLISHER)).statusCode).toBe(201);
  expect(asked).toEqual([
    { action: 'publish', path: 'house/door' },
    { action: 'publish', path: 'any/thing' },
    { action: 'publish', path: 'cam1' },
  ]);
});

test('missing permission is reported in the call’s words, before anything else', async () => {
  const { app } = await start({ isOpen: false });
  const refusal = '[auth failed]: authentication error';
  for (const type of ['play', 'push', 'echo']) {
    const response = await post(app, `webrtc?app=house&stream=door&type=${type}`);
    expect([response.statusCode, response.json()]).toEqual([200, { code: -400, msg: refusal }]);
  }
  const whep = await post(app, 'whep?app=house&stream=door');
  expect([whep.statusCode, whep.body]).toEqual([406, refusal]);
});

test('WHEP answers with SDP and a Location that ends the session', async () => {
  const { app } = await start();
  const { statusCode, headers, body } = await post(app, 'whep?app=house&stream=door', VIEWER, {
    ...TEXT,
    host: 'box:81',
  });
  expect(statusCode).toBe(201);
  expect(headers['content-type']).toBe('application/sdp');
  expect(headers['access-control-expose-headers']).toBe('Location');
  expect(body).toContain('a=ice-lite\r\n');
  const location = new URL(String(headers['location']));
  expect(location.href).toMatch(/^http:\/\/box:81\/index\/api\/delete_webrtc\?id=[0-9a-f-]{36}&token=[0-9a-f-]{36}$/);
  const url = location.pathname + location.search;
  const wrong = url.replace(/token=.*/, 'token=guess');
  const none = url.replace(/id=[^&]*/, 'id=b1946ac9-2492-4d23-9b1f-7a0b6c0d5e11');
  const said = [];
  for (const one of [wrong, none, url, url]) {
    const response = await app.inject({ method: 'DELETE', url: one });
    said.push([response.statusCode, response.body]);
  }
  expect(said).toEqual([
    [401, 'token incorrect'],
    [404, 'id not found'],
    [200, ''],
    [404, 'id not found'],
  ]);
  expect((await app.inject({ url })).json().code).toBe(-400);
  expect((await app.inject({ method: 'DELETE', url: '/index/api/delete_webrtc' })).json().code).toBe(-300);
});

test('parameters of a call without an offer may be in a form, in JSON or in headers', async () => {
  const { app } = await start();
  const url = '/index/api/delete_webrtc';
  for (const [type, payload] of [
    ['application/x-www-form-urlencoded', 'id=1&token=2'],
    ['application/json', '{"id":1,"token":2}'],
  ] as const) {
    const response = await app.inject({ method: 'DELETE', url, headers: { 'content-type': type }, payload });
    expect(response.body).toBe('id not found');
  }
  expect((await app.inject({ method: 'DELETE', url, headers: { id: '1', token: '2' } })).body).toBe('id not found');
});

test('a client may name the candidates of its answer, and have TCP first', async () => {
  const { app } = await start();
  const candidatesOf = async (more: string): Promise<string[]> => {
    const { sdp } = (await post(app, `webrtc?app=house&stream=door&type=play${more}`)).json();
    return [...new Set(String(sdp).match(/^a=candidate:.*$/gm))];
  };
  expect(await candidatesOf('&cand_udp=203.0.113.5:40000')).toEqual([
    expect.stringMatching(/^a=candidate:1 1 udp \d+ 203\.0\.113\.5 40000 typ host$/),
  ]);
  // Without a TCP port UDP stays as it is.
  expect(await candidatesOf('&cand_tcp=203.0.113.5:1&preferred_tcp=1')).toEqual(await candidatesOf(''));
});

test('other pages may ask, and other names are nothing', async () => {
  const { app } = await start();
  const headers = { origin: 'http://other.example', 'access-control-request-method': 'POST' };
  const preflight = await app.inject({ method: 'OPTIONS', url: '/index/api/webrtc', headers });
  expect(preflight.headers).toMatchObject({
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET, POST, PUT, HEAD, OPTIONS, DELETE',
  });
  expect(preflight.headers).not.toHaveProperty('access-control-allow-credentials');
  expect((await app.inject({ method: 'OPTIONS', url: '/index/api/webrtc' })).statusCode).toBe(200);
  expect((await post(app, 'getFFmpegSource')).statusCode).toBe(404);
});

test('any parameters and bodies result in a readable answer', async () => {
  const { app } = await start({ streams: [] });
  const next = random(41);
  const pieces = [
    'type=',
    'play',
    '&',
    'app=',
    'stream=x',
    '%',
    '%zz',
    '=',
    'cand_tcp=[',
    '::1]:1',
    '{',
    '"id":',
    '\0',
    'é',
  ];
  const types = ['application/json', 'application/x-www-form-urlencoded', 'text/plain'];
  const mix = () =>
    Array.from({ length: Math.floor(next() * 8) }, () => pieces[Math.floor(next() * pieces.length)]).join('');
  for (let i = 0; i < 500; i += 1) {
    const name = ['webrtc', 'whip', 'delete_webrtc'][i % 3];
    const url = `/index/api/${name}?${encodeURI(mix()).replaceAll('%25', '%')}`;
    const headers = { 'content-type': types[Math.floor(next() * types.length)] ?? '' };
    const response = await app.inject({ method: i % 3 === 2 ? 'DELETE' : 'POST', url, headers, payload: mix() });
    expect([200, 404, 406]).toContain(response.statusCode);
  }
});
