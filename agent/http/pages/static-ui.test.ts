import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { createHttpApp } from '../listener/app.ts';
import { staticUi } from './static-ui.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-ui-'));
});
afterEach(() => rm(folder, { recursive: true }));

const open = () => {
  const app = createHttpApp({ log: silentLogger });
  app.register(staticUi, { folder: join(folder, 'dist'), httpsPort: () => 8443 });
  return app;
};
const build = async () => {
  await mkdir(join(folder, 'dist'));
  await writeFile(join(folder, 'secret.txt'), 'secret');
  for (const name of ['index.html', 'main-3F2A9C1B.js', 'app.css', '.hidden']) {
    await writeFile(join(folder, 'dist', name), 'content');
  }
};

test('the page is revalidated each time, files with a hash in the name never', async () => {
  await build();
  const app = open();
  expect((await app.inject('/')).headers['cache-control']).toBe('no-cache');
  expect((await app.inject('/app.css')).headers['cache-control']).toBe('no-cache');
  expect((await app.inject('/main-3F2A9C1B.js')).headers['cache-control']).toBe('public, max-age=31536000, immutable');
  const { etag } = (await app.inject('/')).headers;
  expect((await app.inject({ url: '/', headers: { 'if-none-match': String(etag) } })).statusCode).toBe(304);
});

test('a compressed script is sent to clients that accept it, with its own tag', async () => {
  await build();
  const zipped = gzipSync('content');
  await writeFile(join(folder, 'dist', 'main-3F2A9C1B.js.gz'), zipped);
  const app = open();
  const get = (encoding: string, more: object = {}) =>
    app.inject({ url: '/main-3F2A9C1B.js', headers: { 'accept-encoding': encoding, ...more } });
  const [packed, plain] = [await get('gzip, deflate, br'), await get('identity')];
  expect(packed.rawPayload).toEqual(zipped);
  expect(packed.headers).toMatchObject({
    'content-encoding': 'gzip',
    'content-type': plain.headers['content-type'],
    'content-length': String(zipped.length),
    'cache-control': 'public, max-age=31536000, immutable',
  });
  expect([plain.body, plain.headers['content-encoding']]).toEqual(['content', undefined]);
  expect([packed, plain].map(({ headers }) => headers.vary)).toEqual(['accept-encoding', 'accept-encoding']);
  expect(packed.headers.etag).not.toBe(plain.headers.etag);
  expect((await get('gzip', { 'if-none-match': packed.headers.etag })).statusCode).toBe(304);
  // A file without a compressed copy is sent as it is.
  expect((await app.inject({ url: '/app.css', headers: { 'accept-encoding': 'gzip' } })).body).toBe('content');
});

test('the page may load nothing from elsewhere and nothing inline', async () => {
  await build();
  const { headers } = await open().inject({ url: '/', headers: { host: 'perch.local:8080' } });
  const policy = String(headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self';");
  expect(policy).toContain("connect-src 'self' ws://perch.local:8080 wss://perch.local:8080");
  expect(policy).toContain("frame-ancestors 'self'");
  expect(policy).not.toContain('unsafe');
  expect(headers['x-content-type-options']).toBe('nosniff');
});

test('inline code of the page is allowed by its current hash, and only in the page', async () => {
  await build();
  const page = join(folder, 'dist', 'index.html');
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const policyOf = async (app: FastifyInstance, url: string) =>
    String((await app.inject(url)).headers['content-security-policy']);
  const app = open();
  for (const style of ['p { color: red }', 'p {\n color: blue }']) {
    await writeFile(page, `<style>${style}</style><script>go()</script><script src="main.js"></script>`);
    for (const url of ['/', '/index.html', '/?x=1']) {
      const policy = await policyOf(app, url);
      expect(policy).toContain(`script-src 'self' ${hash('go()')}; style-src 'self' ${hash(style)};`);
    }
    expect(await policyOf(app, '/app.css')).toContain("script-src 'self'; style-src 'self';");
  }
});

test('an invalid Host is not added to the policy', async () => {
  await build();
  const { headers } = await open().inject({ url: '/', headers: { host: "x; script-src 'unsafe-inline'" } });
  expect(headers['content-security-policy']).toMatch(/connect-src 'self'$/);
});

test.for(['/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '/.hidden', '/nothing.js'])(
  '%s does not exist',
  async (url) => {
    await build();
    const answer = await open().inject(url);
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    expect(answer.body).not.toContain('secret');
  },
);

test('before the build the page says so', async () => {
  const answer = await open().inject('/');
  expect(answer.statusCode).toBe(503);
  expect(answer.body).toContain('The page is not built yet.');
});

test('the page does not affect the API and its unknown routes', async () => {
  await build();
  const app = open();
  app.get('/v3/info', () => ({ version: '1' }));
  expect((await app.inject('/v3/info')).json()).toEqual({ version: '1' });
  expect((await app.inject('/v3/info/')).headers.location).toBe('../info');
  expect((await app.inject('/v3/nothing')).body).toBe('404 page not found');
  expect((await app.inject({ method: 'HEAD', url: '/' })).statusCode).toBe(200);
});
