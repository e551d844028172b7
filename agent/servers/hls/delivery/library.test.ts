import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import Fastify from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sendLibrary } from './library.ts';

const SCRIPT = 'var Hls = {};';
const ZIPPED = gzipSync(SCRIPT);
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-library-'));
  await writeFile(join(folder, 'hls.min.js'), SCRIPT);
});
afterEach(() => rm(folder, { recursive: true }));

function open(names = ['hls.min.js']) {
  const app = Fastify();
  app.route({
    method: ['GET', 'HEAD'],
    url: '/x',
    handler: async (request, reply) => {
      reply.header('Vary', 'Origin');
      const files = names.map((name) => join(folder, name));
      return (await sendLibrary(request, reply, files)) ? reply : reply.code(404).send('none');
    },
  });
  return (headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') =>
    app.inject({ url: '/x', method, headers });
}

test.for([
  ['gzip, deflate, br', true],
  ['*', true],
  ['gzip;q=0, br', false],
  ['br', false],
  [undefined, false],
] as const)('a client with Accept-Encoding "%s" gets the compressed script: %s', async ([encoding, isPacked]) => {
  await writeFile(join(folder, 'hls.min.js.gz'), ZIPPED);
  const { rawPayload, headers } = await open()(encoding === undefined ? {} : { 'accept-encoding': encoding });
  expect(rawPayload).toEqual(isPacked ? ZIPPED : Buffer.from(SCRIPT));
  expect(headers['content-encoding']).toBe(isPacked ? 'gzip' : undefined);
  expect(headers).toMatchObject({
    vary: 'Origin, Accept-Encoding',
    'content-type': 'text/javascript; charset=utf-8',
    'content-length': String(rawPayload.length),
    'cache-control': 'max-age=3600',
  });
});

test('a known file is answered with 304, each encoding by its own tag', async () => {
  await writeFile(join(folder, 'hls.min.js.gz'), ZIPPED);
  const get = open();
  const tags = [];
  for (const encoding of ['gzip', 'identity']) {
    const { etag } = (await get({ 'accept-encoding': encoding })).headers;
    tags.push(etag);
    const again = await get({ 'accept-encoding': encoding, 'if-none-match': `"other", W/${etag}` });
    expect([again.statusCode, again.body, again.headers.etag]).toEqual([304, '', etag]);
    expect(again.headers.vary).toBe('Origin, Accept-Encoding');
  }
  expect(new Set(tags).size).toBe(2);
  expect((await get({ 'accept-encoding': 'gzip', 'if-none-match': String(tags[1]) })).statusCode).toBe(200);
});

test('without a packed file the plain one is sent, and without any the next one', async () => {
  expect((await open()({ 'accept-encoding': 'gzip' })).body).toBe(SCRIPT);
  expect((await open(['not-built.js', 'hls.min.js'])()).body).toBe(SCRIPT);
  expect((await open(['not-built.js'])()).statusCode).toBe(404);
});

test('HEAD returns the same headers without a body', async () => {
  await writeFile(join(folder, 'hls.min.js.gz'), ZIPPED);
  const { headers, body } = await open()({ 'accept-encoding': 'gzip' }, 'HEAD');
  expect([headers['content-length'], headers['content-encoding'], body]).toEqual([String(ZIPPED.length), 'gzip', '']);
});
