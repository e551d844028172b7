import { X509Certificate } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { certificate } from '../../../test/support/cameras/channel-front.ts';
import { explain } from '../../base/errors.ts';
import { HostGuard } from './host-guard.ts';
import { HttpClient } from './http-client.ts';

const never = new AbortController().signal;
const { cert, key } = certificate('camera');
const fingerprint = new X509Certificate(cert).fingerprint256;

async function serve(answer: RequestListener, isSecure = false, host = '127.0.0.1'): Promise<string> {
  const server = isSecure ? createSecureServer({ cert, key }, answer) : createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `${isSecure ? 'https' : 'http'}://${host}:${(server.address() as AddressInfo).port}`;
}

function open(url: string, options: { fingerprint?: string; timeoutMs?: number } = {}): HttpClient {
  const client = new HttpClient({
    url,
    peer: { noun: 'server', path: 'yard' },
    fingerprint: '',
    timeoutMs: 2_000,
    ...options,
  });
  onTestFinished(() => client.close());
  return client;
}

const bodyOf = (client: HttpClient, url: string, maxBytes = 1_000): Promise<string> =>
  client.request(url, { maxBytes }, never).then(({ status, body }) => `${status} ${body}`, explain);

test('a gzipped answer is unpacked, up to the limit', async () => {
  const url = await serve((request, reply) => {
    const body = 'a'.repeat(request.url === '/bomb' ? 5_000 : 500);
    reply.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(body));
  });
  expect(await bodyOf(open(url), url)).toBe(`200 ${'a'.repeat(500)}`);
  expect(await bodyOf(open(url), `${url}/bomb`)).toContain('has more than 1000 bytes');
});

test('a longer answer than the limit is rejected', async () => {
  const url = await serve((_, reply) => void reply.end(Buffer.alloc(2_000)));
  expect(await bodyOf(open(url), url)).toContain('has more than 1000 bytes');
});

test('a server that does not answer in time is a timeout', async () => {
  const url = await serve(() => {});
  expect(await bodyOf(open(url, { timeoutMs: 50 }), url)).toContain('no answer from');
});

test("cookies are kept, and the URL's login goes to its origin only", async () => {
  const other = await serve(
    (request, reply) => void reply.end(`${request.headers.authorization} ${request.headers.cookie}`),
  );
  const url = await serve((request, reply) => {
    if (request.url === '/far') {
      reply.writeHead(302, { Location: `${other}/` }).end();
    } else {
      reply.setHeader('Set-Cookie', 'id=7; Path=/; HttpOnly');
      reply.end(`${request.headers.authorization} ${request.headers.cookie}`);
    }
  });
  const client = open(url.replace('//', '//me:p%40ss@'));
  const basic = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
  expect(await bodyOf(client, url)).toBe(`200 ${basic} undefined`);
  expect(await bodyOf(client, url)).toBe(`200 ${basic} id=7`);
  expect(await bodyOf(client, `${url}/far`)).toBe('200 undefined id=7');
});

test('with a fingerprint only that certificate is accepted, and nothing is sent before', async () => {
  let requests = 0;
  const url = await serve((_, reply) => {
    requests += 1;
    reply.end('ok');
  }, true);
  const seen = fingerprint.replaceAll(':', '').toLowerCase();
  const remedy = `if it is your server, set sourceFingerprint of path 'yard' to ${seen}`;
  expect(await bodyOf(open(url), url)).toBe(
    `the server's certificate has no trusted issuer (DEPTH_ZERO_SELF_SIGNED_CERT); ${remedy}`,
  );
  expect(await bodyOf(open(url, { fingerprint: '00'.repeat(32) }), url)).toBe(
    `the server's certificate is not the one that sourceFingerprint of path 'yard' names; ${remedy}`,
  );
  expect(requests).toBe(0);
  const client = open(url, { fingerprint });
  expect([await bodyOf(client, url), await bodyOf(client, url)]).toEqual(['200 ok', '200 ok']);
});

test('a certificate of a trusted issuer for another name is rejected each time', async () => {
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, cert.toString()]);
  try {
    const close: RequestListener = (_, reply) => void reply.writeHead(200, { Connection: 'close' }).end('ok');
    const right = await serve(close, true);
    expect(await bodyOf(open(right), right)).toBe('200 ok');
    const wrong = await serve(close, true, '127.0.0.2');
    const client = open(wrong);
    for (let connection = 0; connection < 3; connection += 1) {
      expect(await bodyOf(client, wrong)).toMatch(/^the server's certificate is for another name or address; /);
    }
  } finally {
    setDefaultCACertificates(before);
  }
});

test('endless redirects end', async () => {
  const url = await serve((_, reply) => void reply.writeHead(302, { Location: '/' }).end());
  expect(await bodyOf(open(url), url)).toContain('redirects more than 5 times');
});

test.for([
  ['http://203.0.113.7/live.m3u8', 'http://192.168.1.1/', false],
  ['http://203.0.113.7/live.m3u8', 'http://127.0.0.1:8080/', false],
  ['http://203.0.113.7/live.m3u8', 'http://[::1]/', false],
  ['http://203.0.113.7/live.m3u8', 'http://[fd00::1]/', false],
  ['http://203.0.113.7/live.m3u8', 'http://[::ffff:10.0.0.1]/', false],
  ['http://203.0.113.7/live.m3u8', 'http://0.0.0.0/', false],
  ['http://203.0.113.7/live.m3u8', 'http://169.254.169.254/', false],
  ['http://203.0.113.7/live.m3u8', 'http://198.51.100.9/part.mp4', true],
  ['http://192.168.1.20/live.m3u8', 'http://192.168.1.20:8080/part.mp4', true],
  ['http://192.168.1.20/live.m3u8', 'http://192.168.1.1/', false],
  ['http://192.168.1.20/live.m3u8', 'http://198.51.100.9/part.mp4', true],
] as const)('a source at %s and a URL %s: %s', ([configured, url, isAllowed]) => {
  const check = () => new HostGuard(configured).check(new URL(url));
  isAllowed ? check() : expect(check).toThrow('private network');
});

test('a public source does not follow a name into the local network', async () => {
  const { port } = new URL(await serve((_, reply) => void reply.end('secret')));
  const client = open('http://203.0.113.7/live.m3u8');
  expect(await bodyOf(client, `http://localhost:${port}/`)).toContain("'localhost' is in a private network");
});
