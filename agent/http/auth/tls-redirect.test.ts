import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { get as getByTls } from 'node:https';
import { expect, onTestFinished, test } from 'vitest';
import { listenLocally } from '../../../test/support/base/local-listener.ts';
import { certificate } from '../../../test/support/cameras/channel-front.ts';
import { silentLogger } from '../../base/log.ts';
import { createHttpApp } from '../listener/app.ts';
import { insistOnTls, redirectToTls } from './tls-redirect.ts';

function appOf(port: number | undefined, mayInsist = false, isSecure = false) {
  const app = createHttpApp({ log: silentLogger });
  redirectToTls(app, { port: () => port, isSecure: () => isSecure });
  insistOnTls(app, () => mayInsist);
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

/** What the app answers to a request for `host` that comes by TLS. */
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
] as const)('%s of %s goes on to port %i of the same host', async ([url, host, port, location]) => {
  expect(await open(port)(url, host)).toMatchObject({ statusCode: 307, location });
  expect(await open(port)(url, host, 'HEAD')).toMatchObject({ statusCode: 307, location });
});

test.for(['/health', '/health?x', '/trust', '/trust?lang=en', '/trust/perch.crt'])(
  '%s stays on plain http',
  async (url) => {
    expect(await open(8443)(url, 'box')).toMatchObject({ statusCode: 200, location: undefined });
  },
);

test.for(['/healthy', '/trusted', '/trust.html'])('%s does not', async (url) => {
  expect((await open(8443)(url, 'box')).statusCode).toBe(307);
});

test.for(['POST', 'DELETE', 'OPTIONS'] as const)('%s is answered where it came', async (method) => {
  expect((await open(8443)('/', 'box', method)).statusCode).toBe(200);
});

test.for(['box"><script>', 'a b', 'box/evil', 'me@evil.example'])('the host %j is sent nowhere', async (host) => {
  expect((await open(8443)('/', host)).location).toBeUndefined();
});

test('an address with a host of its own, as proxies are asked, goes nowhere', async () => {
  const { port } = await listenLocally(appOf(8443));
  const [response] = await once(get({ port, host: '127.0.0.1', path: 'http://elsewhere.example/x' }), 'response');
  response.resume();
  expect([response.statusCode, response.headers.location]).toEqual([200, undefined]);
});

test('who comes by https through a proxy is where he should be', async () => {
  expect((await open(8443, false, true)('/', 'box')).statusCode).toBe(200);
});

test('a request by TLS is not redirected, whatever a proxy says of the browser', async () => {
  expect((await byTls(appOf(8443), 'box')).statusCode).toBe(200);
});

test('without https nobody is sent on', async () => {
  expect((await open(undefined)('/', 'box')).statusCode).toBe(200);
});

test.for([
  [true, 'box.example', true],
  // Browsers would keep the port, and knock with https where plain http is spoken.
  [true, 'box.example:8443', false],
  [false, 'box.example', false],
] as const)('browsers are told to insist: allowed %s, at %s: %s', async ([may, host, insists]) => {
  expect((await byTls(appOf(undefined, may), host)).insists).toBe(insists ? 'max-age=2592000' : undefined);
});

test('a request by plain http gets no such header, also behind a proxy with https', async () => {
  expect((await open(undefined, true, true)('/', 'box.example')).insists).toBeUndefined();
});
