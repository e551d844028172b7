// @also without-ffi in long

import { runInNewContext } from 'node:vm';
import type { FastifyInstance } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { FRAGMENT, offerOf, signallingApp } from '../../../../test/support/harness/http/signalling-app.ts';
import { PerchError } from '../../../base/errors.ts';
import type { SignallingOptions } from './requests.ts';

const CHROMIUM = offerOf('chromium-156-linux');
const UUID = 'b1946ac9-2492-4d23-9b1f-7a0b6c0d5e11';
const SDP = { 'content-type': 'application/sdp; charset=utf-8' };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

async function start(more: Partial<SignallingOptions> = {}, prefix = ''): Promise<FastifyInstance> {
  const run = await signallingApp(more, { prefix });
  cleanups.push(() => run[Symbol.asyncDispose]());
  return run.app;
}

const error = (text: string): object => ({ status: 'error', error: text });

test('an offer is answered with the session in Location and ID', async () => {
  const app = await start();
  const response = await app.inject({
    method: 'POST',
    url: '/group/front%20door/whep?x=1',
    headers: SDP,
    payload: CHROMIUM,
  });
  expect(response.statusCode).toBe(201);
  expect(response.headers).toMatchObject({
    'content-type': 'application/sdp',
    etag: '*',
    'accept-patch': 'application/trickle-ice-sdpfrag',
    'access-control-allow-origin': '*',
    'access-control-expose-headers': 'ETag, ID, Accept-Patch, Link, Location',
  });
  expect(response.headers['location']).toMatch(/^whep\/[0-9a-f-]{36}\?x=1$/);
  expect(response.headers['location']).not.toContain(response.headers['id']);
  expect(response.body).toContain('a=ice-lite\r\n');
});

/** The session's address as a client resolves it (RFC 9110 §10.2.2). */
const sessionOf = ({ location }: { readonly location?: string | undefined }, endpoint = '/cam/whep'): string =>
  new URL(location ?? '', `http://box${endpoint}`).pathname;

test('OBS Studio takes the Location for a path: it gets the whole one, and without the path it is found, too', async () => {
  const app = await start({}, '/webrtc');
  const headers = { ...SDP, 'user-agent': 'Mozilla/5.0 (OBS-Studio/31.0.0; Linux x86_64; en-US)' };
  const whole = await app.inject({ method: 'POST', url: '/webrtc/cam/whep', headers, payload: CHROMIUM });
  expect(whole.headers['location']).toMatch(/^\/webrtc\/cam\/whep\/[0-9a-f-]{36}$/);
  expect((await app.inject({ method: 'DELETE', url: String(whole.headers.location) })).statusCode).toBe(200);
  const other = await app.inject({ method: 'POST', url: '/webrtc/cam/whep', headers: SDP, payload: CHROMIUM });
  expect((await app.inject({ method: 'DELETE', url: `/webrtc/${other.headers.location}` })).statusCode).toBe(200);
});

test('an unknown method gets the list of supported ones', async () => {
  const app = await start();
  const endpoint = await app.inject({ method: 'PUT', url: '/cam/whep' });
  const { headers } = await app.inject({ method: 'POST', url: '/cam/whep', headers: SDP, payload: CHROMIUM });
  expect([endpoint.statusCode, endpoint.headers.allow]).toEqual([405, 'OPTIONS, POST']);
  for (const method of ['GET', 'HEAD', 'PUT'] as const) {
    const session = await app.inject({ method, url: sessionOf(headers) });
    expect([session.statusCode, session.headers.allow]).toEqual([405, 'PATCH, DELETE']);
  }
});

test('OPTIONS tells whether there is a session', async () => {
  const app = await start();
  const { headers } = await app.inject({ method: 'POST', url: '/cam/whep', headers: SDP, payload: CHROMIUM });
  const status = async () => (await app.inject({ method: 'OPTIONS', url: sessionOf(headers) })).statusCode;
  expect(await status()).toBe(204);
  await app.inject({ method: 'DELETE', url: sessionOf(headers) });
  expect(await status()).toBe(404);
});

test('a session ended by the server has a reason, one ended by its client does not', async () => {
  await using run = await signallingApp();
  const watch = () => run.app.inject({ method: 'POST', url: '/cam/whep', headers: SDP, payload: CHROMIUM });
  const [kicked, left] = [(await watch()).headers, (await watch()).headers];
  run.server.kick(String(kicked['id']));
  await run.app.inject({ method: 'DELETE', url: sessionOf(left) });
  const why = await run.app.inject({ url: sessionOf(kicked) });
  expect([why.statusCode, why.json()]).toEqual([410, error('ended through the API')]);
  expect(why.headers).toMatchObject({ 'cache-control': 'no-store', 'access-control-allow-origin': '*' });
  expect((await run.app.inject({ url: sessionOf(left) })).statusCode).toBe(404);
  const again = await run.app.inject({ method: 'DELETE', url: sessionOf(kicked) });
  expect([again.statusCode, again.json()]).toEqual([404, error('session not found')]);
});

test('a session ends with DELETE on its Location, once', async () => {
  const app = await start({}, '/webrtc');
  const { headers } = await app.inject({ method: 'POST', url: '/webrtc/cam/whep', headers: SDP, payload: CHROMIUM });
  const url = sessionOf(headers, '/webrtc/cam/whep');
  expect(url).toMatch(/^\/webrtc\/cam\/whep\//);
  const patch = await app.inject({ method: 'PATCH', url, headers: FRAGMENT, payload: 'a=mid:0\r\na=candidate:1\r\n' });
  expect([patch.statusCode, patch.body]).toEqual([204, '']);
  const first = await app.inject({ method: 'DELETE', url });
  expect([first.statusCode, first.json()]).toEqual([200, { status: 'ok' }]);
  const second = await app.inject({ method: 'DELETE', url });
  expect([second.statusCode, second.json()]).toEqual([404, error('session not found')]);
});

test('a fragment with a new user fragment restarts ICE', async () => {
  const app = await start();
  const { headers } = await app.inject({ method: 'POST', url: '/cam/whep', headers: SDP, payload: CHROMIUM });
  const payload = 'a=ice-ufrag:fresh\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 X 0\r\na=mid:1\r\n';
  const response = await app.inject({ method: 'PATCH', url: sessionOf(headers), headers: FRAGMENT, payload });
  expect(response.statusCode).toBe(200);
  expect(response.headers['content-type']).toBe('application/trickle-ice-sdpfrag');
  const ufrag = /a=ice-ufrag:(\S+)/.exec(response.body)?.[1];
  expect(response.headers['etag']).toBe(`"${ufrag}"`);
});

test.for([
  ['a preflight', 'OPTIONS', '/', { 'access-control-request-method': 'GET' }, 204, ''],
  ['the page without its slash', 'GET', '/cam', {}, 302, './cam/'],
  ['the same with a query', 'GET', '/cam?muted=0', {}, 302, './cam/?muted=0'],
  ['a doubled slash', 'GET', '//evil.com', {}, 302, '../evil.com/'],
  ['a backslash', 'GET', '/%5Cevil.com', {}, 302, './evil.com/'],
  ['both, and a slash at the end', 'GET', '/%5C/%5Cevil.com/', {}, 302, '../../evil.com/'],
  ['a new line', 'GET', '/cam%0d%0aX:1', {}, 302, './cam%0D%0AX%3A1/'],
  ['a path that is not configured', 'GET', '/missing/', {}, 500, "path 'missing' is not configured"],
  ['GET on the endpoint', 'GET', '/cam/whep', {}, 405, 'method not allowed'],
  ['an unknown session', 'PATCH', `/cam/whep/${UUID}`, FRAGMENT, 404, 'session not found'],
  ['a secret that is none', 'PATCH', '/cam/whep/abc', FRAGMENT, 400, 'invalid secret'],
  ['a fragment of another type', 'PATCH', `/cam/whep/${UUID}`, SDP, 400, 'invalid Content-Type'],
  [
    'an offer of another type',
    'POST',
    '/cam/whep',
    { 'content-type': 'application/json' },
    400,
    'invalid Content-Type',
  ],
  ['an offer that is none', 'POST', '/cam/whep', SDP, 400, 'the offer is not a session description'],
  ['an offer to publish that is none', 'POST', '/cam/whip', SDP, 400, 'the offer is not a session description'],
  ['the icon', 'GET', '/favicon.ico', {}, 204, ''],
  ['the root', 'GET', '/', {}, 404, '404 page not found'],
  ['another method on a page', 'POST', '/cam/', SDP, 404, '404 page not found'],
] as const)('%s: %s %s', async ([, method, url, headers, status, text]) => {
  const app = await start();
  const body = method === 'GET' || method === 'OPTIONS' ? {} : { payload: 'a=mid:0' };
  const response = await app.inject({ method, url, headers, ...body });
  expect(response.statusCode).toBe(status);
  if (status === 302) {
    expect(response.headers['location']).toBe(text);
  } else {
    expect(response.body).toContain(text);
  }
});

test.for([
  ['none', 404, "no stream is available on path 'none'"],
  ['slow', 400, "source of path 'slow' has timed out"],
  ['aac', 400, 'the stream has no codec that WebRTC supports: it has AAC'],
] as const)("a viewer of '%s' gets the reason", async ([path, status, text]) => {
  const app = await start();
  const response = await app.inject({ method: 'POST', url: `/${path}/whep`, headers: SDP, payload: CHROMIUM });
  expect(response.statusCode).toBe(status);
  expect(response.json().error).toContain(text);
});

test('without a media port a viewer gets a server error', async () => {
  await using run = await signallingApp({}, { udpAddress: '' });
  const response = await run.app.inject({ method: 'POST', url: '/cam/whep', headers: SDP, payload: CHROMIUM });
  const text = 'WebRTC has no media port open (webrtcLocalUDPAddress, webrtcLocalTCPAddress)';
  expect([response.statusCode, response.json()]).toEqual([500, error(text)]);
});

test('without permission a client gets no SDP answer, page or ICE server', async () => {
  const sendError = () => Promise.reject(new PerchError('unauthorized', 'authentication error', { challenge: true }));
  const app = await start({ access: { require: sendError, identify: () => ({ ip: '192.0.2.1' }) } });
  for (const [method, url] of [
    ['POST', '/cam/whep'],
    ['OPTIONS', '/cam/whep'],
    ['GET', '/cam/'],
    ['POST', '/cam/whip'],
    ['OPTIONS', '/cam/whip'],
    ['GET', '/cam/publish'],
    ['POST', '/cam/talk'],
    ['OPTIONS', '/cam/talk'],
  ] as const) {
    const response = await app.inject({
      method,
      url,
      headers: SDP,
      ...(method === 'POST' ? { payload: CHROMIUM } : {}),
    });
    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toBe('Basic realm="mediamtx"');
  }
});

test('OPTIONS lists the ICE servers, with credentials for a day if the password is a shared secret', async () => {
  const iceServers = [
    { url: 'stun:stun.example.net:3478', username: '', password: '' },
    { url: 'turn:turn.example.net', username: 'a"b\\c', password: 'pw' },
    { url: 'turn:other.example.net', username: 'AUTH_SECRET', password: 'key' },
  ];
  const app = await start({ iceServers });
  const response = await app.inject({ method: 'OPTIONS', url: '/cam/whep' });
  expect(response.statusCode).toBe(204);
  expect(response.headers).toMatchObject({
    'accept-post': 'application/sdp',
    'access-control-expose-headers': 'Accept-Post, Link, Perch-B-Frames',
  });
  const [stun, turn, secret] = response.headers['link'] as unknown as string[];
  expect(stun).toBe('<stun:stun.example.net:3478>; rel="ice-server"');
  expect(turn).toBe(
    '<turn:turn.example.net>; rel="ice-server"; username="a\\"b\\\\c"; credential="pw"; credential-type="password"',
  );
  expect(secret).toMatch(/username="\d{10}:[0-9a-f]{16}"; credential="[A-Za-z0-9+/]{27}="/);
});

test.for([true, false, undefined])('OPTIONS of WHEP reports B-frames: %s', async (hasBFrames) => {
  await using run = await signallingApp({}, { paths: { hasBFrames: () => hasBFrames } });
  const viewer = await run.app.inject({ method: 'OPTIONS', url: '/cam/whep' });
  expect(viewer.headers['perch-b-frames']).toBe(hasBFrames ? 'yes' : undefined);
  const publisher = await run.app.inject({ method: 'OPTIONS', url: '/cam/whip' });
  expect(publisher.headers['perch-b-frames']).toBeUndefined();
});

test('an ICE server may have letters that no header has', async () => {
  const app = await start({ iceServers: [{ url: 'turn:h', username: 'u', password: 'p€ü' }] });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as { port: number };
  const { status, headers } = await fetch(`http://127.0.0.1:${port}/cam/whep`, { method: 'OPTIONS' });
  expect(status).toBe(204);
  expect(Buffer.from(headers.get('link') ?? '', 'latin1').toString()).toContain('credential="p€ü"');
});

test('an ICE restart answers with credentials for each section, and ignores a late candidate', async () => {
  const app = await start();
  const post = await app.inject({
    method: 'POST',
    url: '/cam/whep',
    headers: SDP,
    payload: offerOf('aiortc-1.4-whep'),
  });
  const url = sessionOf(post.headers);
  const ufrags = [...offerOf('aiortc-1.4-whep').matchAll(/a=ice-ufrag:(\S+)/g)].map(([, ufrag]) => ufrag);
  expect(new Set(ufrags).size).toBe(2);
  const patch = (ufrag: string | undefined) =>
    app.inject({ method: 'PATCH', url, headers: FRAGMENT, payload: `a=ice-ufrag:${ufrag}\r\na=ice-pwd:x\r\n` });
  for (const ufrag of ufrags) {
    expect((await patch(ufrag)).statusCode).toBe(204);
  }
  const { statusCode, body } = await patch('another');
  expect(statusCode).toBe(200);
  expect(body).toMatch(/^a=ice-options:trickle ice2\r\n/);
  expect(body.match(/a=mid:.*/g)).toEqual(['a=mid:0', 'a=mid:1']);
  expect(body.match(/a=candidate:.* 127\.0\.0\.1 /g)?.length).toBeGreaterThan(0);
  expect(body.match(/a=end-of-candidates/g)).toHaveLength(2);
  expect((await patch('another')).statusCode).toBe(204);
  expect((await patch(ufrags[1])).statusCode).toBe(204);
});

test('a user fragment with invalid characters is rejected', async () => {
  const app = await start();
  const { headers } = await app.inject({ method: 'POST', url: '/cam/whep', headers: SDP, payload: CHROMIUM });
  const payload = 'a=ice-ufrag:a b\r\n';
  const response = await app.inject({ method: 'PATCH', url: sessionOf(headers), headers: FRAGMENT, payload });
  expect([response.statusCode, response.json()]).toEqual([400, error("'a b' is not an ICE user fragment")]);
});

test('a track that the player does not get is named in a header that other origins may read', async () => {
  const app = await start();
  const post = async (url: string) =>
    (await app.inject({ method: 'POST', url, headers: SDP, payload: CHROMIUM })).headers;
  const both = await post('/both/whep');
  expect(both['perch-left-out']).toBe('audio AAC (browsers cannot play it over WebRTC)');
  expect(both['access-control-expose-headers']).toBe('ETag, ID, Accept-Patch, Link, Location, Perch-Left-Out');
  expect((await post('/cam/whep'))['perch-left-out']).toBeUndefined();
});

test('a person with the right to talk needs none to publish, and only through that camera', async () => {
  const access: SignallingOptions['access'] = {
    require: async (_request, action) => {
      if (action === 'publish') {
        throw new PerchError('unauthorized', 'authentication error');
      }
    },
    identify: () => ({ ip: '192.0.2.1' }),
    limitedPerson: () => ({ may: (action, path) => action === 'talk' && path === 'cam' }),
  };
  const app = await start({ access });
  const post = async (url: string) =>
    (await app.inject({ method: 'POST', url, headers: SDP, payload: CHROMIUM })).statusCode;
  expect(await post('/cam/talk')).not.toBe(401);
  expect([await post('/both/talk'), await post('/cam/whip')]).toEqual([401, 401]);
});

test('a viewer must be allowed to read its fallback', async () => {
  const asked: string[] = [];
  const access: SignallingOptions['access'] = {
    require: async (_request, action, path) => {
      asked.push(`${action} ${path}`);
      if (path === 'secret') {
        throw new PerchError('unauthorized', 'authentication error');
      }
    },
    identify: () => ({ ip: '192.0.2.1' }),
  };
  const app = await start({ access });
  const post = (query: string) =>
    app.inject({ method: 'POST', url: `/cam/whep${query}`, headers: SDP, payload: CHROMIUM });
  expect((await post('?fallback=group%2Ffront%20door')).statusCode).toBe(201);
  expect((await post('?fallback=secret')).statusCode).toBe(401);
  expect((await post('?fallback=')).statusCode).toBe(201);
  expect(asked).toEqual(['read cam', 'read group/front door', 'read cam', 'read secret', 'read cam']);
});

test('a permanent rejection and a full server have Retry-After, for other origins too', async () => {
  const app = await start();
  const post = async (url: string) => {
    const { statusCode, headers } = await app.inject({ method: 'POST', url, headers: SDP, payload: CHROMIUM });
    return [statusCode, headers['retry-after'], headers['access-control-expose-headers']];
  };
  expect(await post('/aac/whep')).toEqual([400, '15', 'Retry-After']);
  expect(await post('/slow/whep')).toEqual([400, undefined, undefined]);
  expect(await post('/cam/whep?fallback=missing')).toEqual([400, '15', 'Retry-After']);
  for (let i = 0; i < 100; i += 1) {
    expect((await post('/cam/whep'))[0]).toBe(201);
  }
  expect(await post('/cam/whep')).toEqual([503, '5', 'Retry-After']);
});

test('a fallback that is not configured is named', async () => {
  const app = await start();
  const url = '/cam/whep?fallback=missing';
  const response = await app.inject({ method: 'POST', url, headers: SDP, payload: CHROMIUM });
  expect(response.json()).toEqual(error("path 'missing' (fallback) is not configured"));
});

test('twenty players of one page without candidates are all answered', async () => {
  const app = await start();
  const offers = ['chromium-156-linux', 'firefox-153-linux-whep'].map(offerOf);
  expect(offers.join()).not.toContain('a=candidate');
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      app.inject({ method: 'POST', url: `/cam/whep?tile=${i}`, headers: SDP, payload: offers[i % 2] ?? '' }),
    ),
  );
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(20).fill(201));
  expect(new Set(answers.map(({ headers }) => headers['id'])).size).toBe(20);
  expect(new Set(answers.map(({ body }) => /a=ice-ufrag:(\S+)/.exec(body)?.[1])).size).toBe(20);
  for (const { headers, body } of answers) {
    expect(body).toContain('a=end-of-candidates');
    expect((await app.inject({ method: 'DELETE', url: sessionOf(headers) })).statusCode).toBe(200);
  }
});

test('an offer above 128 KiB is dropped', async () => {
  const app = await start();
  const payload = CHROMIUM.padEnd((128 << 10) + 1, '\n');
  const response = await app.inject({ method: 'POST', url: '/cam/whep', headers: SDP, payload });
  expect(response.statusCode).toBe(413);
});

test('the page and its script are served with relative URLs only', async () => {
  const app = await start({}, '/webrtc');
  const page = await app.inject({ url: '/webrtc/group/door/' });
  expect(page.headers).toMatchObject({ 'cache-control': 'no-cache', 'content-type': 'text/html; charset=utf-8' });
  expect(page.body).toContain('<script src="reader.js">');
  const publisher = await app.inject({ url: '/webrtc/group/door/publish' });
  expect(publisher.headers).toMatchObject({ 'cache-control': 'no-cache', 'content-type': 'text/html; charset=utf-8' });
  expect(publisher.body).toContain('<script src="publisher.js">');
  for (const id of ['video-device', 'video-codec', 'video-bitrate', 'video-framerate', 'video-width', 'video-height']) {
    expect(publisher.body).toContain(`id="${id}"`);
  }
  for (const id of ['audio-device', 'audio-codec', 'audio-bitrate', 'audio-voice']) {
    expect(publisher.body).toContain(`id="${id}"`);
  }
  for (const [file, name] of [
    ['reader.js', 'MediaMTXWebRTCReader'],
    ['publisher.js', 'MediaMTXWebRTCPublisher'],
  ] as const) {
    const script = await app.inject({ url: `/webrtc/group/door/${file}` });
    expect(script.headers).toMatchObject({
      'cache-control': 'max-age=3600',
      'content-type': 'application/javascript; charset=utf-8',
    });
    expect(definedBy(script.body)).toEqual([name]);
  }
  expect((await app.inject({ method: 'HEAD', url: '/webrtc/group/door/' })).statusCode).toBe(200);
});

/** Globals that a script leaves in its window. */
function definedBy(script: string): string[] {
  const window = {};
  runInNewContext(script, { window });
  return Object.keys(window);
}
