import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { get as getByTls } from 'node:https';
import { expect, onTestFinished, test } from 'vitest';
import { listenLocally } from '../../../test/support/base/local-listener.ts';
import { certificate } from '../../../test/support/cameras/channel-front.ts';
import { openHttpHarness } from '../../../test/support/harness/http/http-harness.ts';
import { silentLogger } from '../../base/log.ts';
import { createHttpApp } from '../listener/app.ts';
import { insistOnTls, keepPrefix, redirectToTls, warnOfUnknownProxy } from './origin-hooks.ts';

function appOf(port: number | undefined, insistS = 0, isSecure = false) {
  const app = createHttpApp({ log: silentLogger });
  redirectToTls(app, { port: () => port, isSecure: () => isSecure });
  insistOnTls(app, () => insistS);
  app.all('/*', () => 'answered');
  onTestFinished(() => app.close());
  return app;
}

function open(...options: Parameters<typeof appOf>) {
  const app = appOf(...options);
  return async (url: string, host: string, method: 'GET' | 'HEAD' | 'POST' | 'OPTIONS' | 'DELETE' = 'GET') => {
    const { statusCode, headers } = await app.inject({ method, url, headers: { host } });
    return { statusCode, location: headers.location, insists: headers['strict-transport-security'] };
  };
}

/** The reply to a request for `host` over TLS. */
async function byTls(app: ReturnType<typeof appOf>, host: string) {
  const { port } = await listenLocally(app, { tls: certificate('camera') });
  const where = { port, host: '127.0.0.1', headers: { host }, rejectUnauthorized: false, agent: false } as const;
  const [{ statusCode, headers }] = (await once(getByTls(where).end(), 'response')) as [IncomingMessage];
  return { statusCode, insists: headers['strict-transport-security'] };
}

test.for([
  ['/', 'box:8080', 8443, 'https://box:8443/'],
  ['/hls/cam/index.m3u8?x=1&y=%2F', 'box.local:8080', 8443, 'https://box.local:8443/hls/cam/index.m3u8?x=1&y=%2F'],
  ['/a', '192.168.1.9', 443, 'https://192.168.1.9/a'],
  ['/a', '[fd00::9]:8080', 8443, 'https://[fd00::9]:8443/a'],
] as const)('%s of %s is redirected to port %i of the same host', async ([url, host, port, location]) => {
  expect(await open(port)(url, host)).toMatchObject({ statusCode: 307, location });
  expect(await open(port)(url, host, 'HEAD')).toMatchObject({ statusCode: 307, location });
});

test.for(['/health', '/health?x', '/trust', '/trust?lang=en', '/trust/perch.crt'])(
  '%s is not redirected',
  async (url) => {
    expect(await open(8443)(url, 'box')).toMatchObject({ statusCode: 200, location: undefined });
  },
);

test.for(['/healthy', '/trusted', '/trust.html'])('%s is redirected', async (url) => {
  expect((await open(8443)(url, 'box')).statusCode).toBe(307);
});

test.for(['POST', 'DELETE', 'OPTIONS'] as const)('%s is not redirected', async (method) => {
  expect((await open(8443)('/', 'box', method)).statusCode).toBe(200);
});

test.for(['box"><script>', 'a b', 'box/evil', 'me@evil.example'])('the host %j is not redirected', async (host) => {
  expect((await open(8443)('/', host)).location).toBeUndefined();
});

test('a request in absolute form, as for proxies, is not redirected', async () => {
  const { port } = await listenLocally(appOf(8443));
  const [response] = await once(get({ port, host: '127.0.0.1', path: 'http://elsewhere.example/x' }), 'response');
  response.resume();
  expect([response.statusCode, response.headers.location]).toEqual([200, undefined]);
});

test('a request over https to a trusted proxy is not redirected', async () => {
  expect((await open(8443, 0, true)('/', 'box')).statusCode).toBe(200);
});

test('a request over TLS is not redirected, with any proxy headers', async () => {
  expect((await byTls(appOf(8443), 'box')).statusCode).toBe(200);
});

test('nothing is redirected without https', async () => {
  expect((await open(undefined)('/', 'box')).statusCode).toBe(200);
});

test.for([
  [Number.POSITIVE_INFINITY, 'box.example', 'max-age=2592000'],
  // Browsers would keep the port and use https on the port of plain http.
  [Number.POSITIVE_INFINITY, 'box.example:8443', undefined],
  [86_400, 'box.example', 'max-age=86400'],
  [0, 'box.example', undefined],
] as const)('HSTS with a certificate for another %d s, at %s: %s', async ([lastsS, host, insists]) => {
  expect((await byTls(appOf(undefined, lastsS), host)).insists).toBe(insists);
});

test('a request over plain http gets no HSTS, also from a proxy with https', async () => {
  expect((await open(undefined, 86_400, true)('/', 'box.example')).insists).toBeUndefined();
});

test.for<[string, string, Record<string, string>, string]>([
  ['a path', '/cam/', { 'x-forwarded-prefix': '/perch' }, '/perch/cam/'],
  ['a path below two folders', '/cam/', { 'x-forwarded-prefix': '/a/b/' }, '/a/b/cam/'],
  ['a path without a proxy', '/cam/', {}, '/cam/'],
  ['a relative address', './cam', { 'x-forwarded-prefix': '/perch' }, './cam'],
  ['a whole address', 'https://box.lan/cam', { 'x-forwarded-prefix': '/perch' }, 'https://box.lan/cam'],
  ['another host', '//box.lan/cam', { 'x-forwarded-prefix': '/perch' }, '//box.lan/cam'],
])('X-Forwarded-Prefix in Location: %s', async ([, location, headers, expected]) => {
  await using box = await openHttpHarness({ trustedProxies: ['127.0.0.1'] });
  keepPrefix(box.app, box.access);
  box.app.get('/there', (_request, reply) => reply.redirect(location));
  expect((await box.app.inject({ url: '/there', headers })).headers['location']).toBe(expected);
});

test('X-Forwarded-Prefix of an untrusted client is ignored', async () => {
  await using box = await openHttpHarness();
  keepPrefix(box.app, box.access);
  box.app.get('/there', (_request, reply) => reply.redirect('/cam/'));
  const { headers } = await box.app.inject({ url: '/there', headers: { 'x-forwarded-prefix': '/evil' } });
  expect(headers['location']).toBe('/cam/');
});

const FORWARDED = { 'x-forwarded-for': '203.0.113.5' };

test.for<[string, readonly string[], string, Record<string, string>, number]>([
  ['an untrusted proxy in a private network is logged once', [], '127.0.0.1', FORWARDED, 1],
  ['a trusted proxy is not logged', ['127.0.0.1'], '127.0.0.1', FORWARDED, 0],
  ['a client without a proxy is not logged', [], '127.0.0.1', {}, 0],
  ['an untrusted proxy outside is not logged', [], '203.0.113.9', FORWARDED, 0],
])('%s', async ([, trustedProxies, remoteAddress, headers, times]) => {
  await using box = await openHttpHarness({ trustedProxies });
  const logged: unknown[] = [];
  warnOfUnknownProxy(box.app, box.access, 'trustedProxies', { warn: (...words: unknown[]) => logged.push(words) });
  box.app.get('/there', () => 'yes');
  for (let turn = 0; turn < 3; turn += 1) {
    await box.app.inject({ url: '/there', headers, remoteAddress });
  }
  expect(logged).toHaveLength(times);
});
