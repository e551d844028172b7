import { createHash, X509Certificate } from 'node:crypto';
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
      reply.statusCode = request.headers.authorization === undefined ? 401 : 200;
      reply.end(`${request.headers.authorization} ${request.headers.cookie}`);
    }
  });
  const client = open(url.replace('//', '//me:p%40ss@'));
  const basic = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
  expect(await bodyOf(client, url)).toBe(`200 ${basic} id=7`);
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

test.for(['MD5', 'SHA-256', 'MD5-sess'])(
  'Digest with %s: one challenge for all requests, whose count grows, and the password is never sent unhashed',
  async (algorithm) => {
    const seen: string[] = [];
    const url = await serveDigest(algorithm, seen);
    const client = open(url.replace('//', '//me:p%40ss@'));
    expect(await bodyOf(client, `${url}/index.m3u8?a=1`)).toBe('200 ok');
    expect(await Promise.all([1, 2, 3].map((n) => bodyOf(client, `${url}/${n}.ts`)))).toEqual(Array(3).fill('200 ok'));
    expect(seen.map((field) => /nc=(\w+)/.exec(field)?.[1])).toEqual([
      undefined,
      ...[1, 2, 3, 4].map((count) => `0000000${count}`),
    ]);
    expect(seen.join()).not.toContain('Basic');
  },
);

test.for([true, false])(
  'a nonce that is too old is replaced, with stale=%s, also for requests at once',
  async (isNamed) => {
    const seen: string[] = [];
    const renew = { after: 2, isNamed };
    const url = await serveDigest('MD5', seen, renew);
    const client = open(url.replace('//', '//me:p%40ss@'));
    for (let i = 0; i < 3; i += 1) {
      expect(await Promise.all([1, 2].map((n) => bodyOf(client, `${url}/${n}.ts`)))).toEqual(['200 ok', '200 ok']);
    }
  },
);

test('a wrong password ends with 401 after one try of each scheme', async () => {
  const seen: string[] = [];
  const url = await serveDigest('SHA-256', seen);
  expect(await bodyOf(open(url.replace('//', '//me:wrong@')), url)).toBe('401 ');
  expect(seen).toHaveLength(2);
});

test('without TLS Basic is sent to a server that offers nothing else, or answers 403', async () => {
  const basic = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
  for (const [status, headers] of [
    [401, { 'WWW-Authenticate': 'Basic realm="x"' }],
    [401, {}],
    [403, {}],
  ] as const) {
    const url = await serve(({ headers: { authorization } }, reply) => {
      reply.writeHead(authorization === undefined ? status : 200, headers).end(authorization);
    });
    expect(await bodyOf(open(url.replace('//', '//me:p%40ss@')), url)).toBe(`200 ${basic}`);
  }
});

test('without TLS no password goes unhashed to a server that has offered Digest before, whatever it answers later', async () => {
  const seen: string[] = [];
  let answers: (readonly [number, Record<string, string>])[] = [];
  const url = await serve(({ headers: { authorization = 'none' } }, reply) => {
    seen.push(authorization.split(' ')[0] ?? '');
    reply.writeHead(...(answers.shift() ?? [200, {}])).end();
  });
  const client = open(url.replace('//', '//me:p%40ss@'));
  const digest = { 'WWW-Authenticate': 'Digest realm="x", nonce="1"' };
  const basic = { 'WWW-Authenticate': 'Basic realm="x"' };
  for (answers of [
    [
      [401, digest],
      [401, digest],
    ],
    [
      [403, {}],
      [403, {}],
    ],
    [[401, {}]],
    [
      [401, basic],
      [401, basic],
    ],
  ] as (typeof answers)[]) {
    await bodyOf(client, url);
  }
  expect(seen).not.toContain('Basic');
});

test('a nonce that was refused is not used again: a server forgets nonces that are not used at once', async () => {
  let nonce = 0;
  let isAway = true;
  const url = await serve(({ headers: { authorization = '' } }, reply) => {
    const isRight = !isAway && authorization.includes(`nonce="${nonce}"`);
    nonce += 1;
    reply.writeHead(isRight ? 200 : 401, { 'WWW-Authenticate': `Digest realm="x", nonce="${nonce}"` }).end();
  });
  const client = open(url.replace('//', '//me:p%40ss@'));
  expect(await bodyOf(client, url)).toBe('401 ');
  // The other client gets the nonce that was offered last.
  await bodyOf(open(url), url);
  isAway = false;
  expect(await bodyOf(client, url)).toBe('200 ');
});

test('a redirect to another host gets no answer to its challenge', async () => {
  const seen: string[] = [];
  const other = await serveDigest('MD5', seen);
  const url = await serve((_, reply) => void reply.writeHead(302, { Location: `${other}/` }).end());
  expect(await bodyOf(open(url.replace('//', '//me:p%40ss@')), url)).toBe('401 ');
  expect(seen).toEqual(['undefined']);
});

/** A server whose nonces are valid for some requests. @param seen gets each Authorization */
function serveDigest(
  algorithm: string,
  seen: string[],
  { after, isNamed }: { readonly after: number; readonly isNamed: boolean } = { after: 100, isNamed: true },
): Promise<string> {
  const hash = (text: string) =>
    createHash(algorithm.startsWith('MD5') ? 'md5' : 'sha256')
      .update(text)
      .digest('hex');
  let [nonce, uses] = [1, 0];
  return serve(({ headers: { authorization = 'undefined' }, method, url }, reply) => {
    seen.push(authorization);
    const of = (name: string) => new RegExp(`\\b${name}="?([^",]*)`).exec(authorization)?.[1];
    const secret = hash('me:r:p@ss');
    const first = algorithm.endsWith('-sess') ? hash(`${secret}:${of('nonce')}:${of('cnonce')}`) : secret;
    const proof = [first, of('nonce'), of('nc'), of('cnonce'), 'auth', hash(`${method}:${url}`)].join(':');
    const isRight = of('response') === hash(proof) && of('uri') === url;
    if (isRight && of('nonce') === `n${nonce}` && uses < after) {
      uses += 1;
      reply.end('ok');
      return;
    }
    if (isRight) {
      [nonce, uses] = [nonce + (of('nonce') === `n${nonce}` ? 1 : 0), of('nonce') === `n${nonce}` ? 0 : uses];
    }
    const stale = isRight && isNamed ? ', stale=true' : '';
    const challenge = `Digest realm="r", nonce="n${nonce}", algorithm=${algorithm}, qop="auth"${stale}`;
    reply.writeHead(401, { 'WWW-Authenticate': challenge }).end();
  });
}
