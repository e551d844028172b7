import { rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import fastify, { type FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import { record, temporaryFolder, WALL } from '../../../test/support/disks/recordings.ts';
import { openPlayback, storesOf } from '../../../test/support/harness/playback.ts';
import { readPlainMp4 } from '../../../test/support/media/read-mp4.ts';
import { PerchError } from '../../base/errors.ts';
import type { Playback } from '../playback.ts';
import { playbackPlugin } from './plugin.ts';

const STATUS: Readonly<Record<string, number>> = { badInput: 400, unauthorized: 401, notFound: 404, unsupported: 501 };

/** The plugin on a listener that admits everyone to all paths but `secret`. */
async function open(playback: Playback, prefix = '', title?: string): Promise<FastifyInstance & AsyncDisposable> {
  const app = fastify({ forceCloseConnections: true });
  app.setErrorHandler((error, _, reply) => {
    const code = error instanceof PerchError ? (STATUS[error.code] ?? 500) : 500;
    return reply.code(code).send({ status: 'error', error: (error as Error).message });
  });
  await app.register(playbackPlugin, {
    prefix,
    stores: storesOf(playback, title),
    access: {
      require: async (_, action, path) => {
        if (path === 'secret') {
          throw new PerchError('unauthorized', 'authentication error', { action });
        }
      },
      origin: () => ({ baseUrl: 'https://box.lan:8080/cams' }),
    },
    cors: (methods, headers) => async (request, reply) =>
      request.method === 'OPTIONS' ? reply.code(204).headers({ methods, headers }).send() : undefined,
  });
  return Object.assign(app, { [Symbol.asyncDispose]: async () => void (await app.close()) });
}

const GET = '/get?path=cam&start=2026-07-01T12:00:00Z&duration=60';

test('a list is JSON with urls that lead back to the same listener', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 3);
  await using playback = openPlayback(folder.path);
  await using app = await open(playback, '/playback');
  const answer = await app.inject('/playback/list?path=cam');
  expect(answer.statusCode).toBe(200);
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  const url = 'https://box.lan:8080/cams/playback/get?duration=3&path=cam&start=2026-07-01T12%3A00%3A00Z';
  expect(answer.json()).toEqual([{ start: '2026-07-01T12:00:00Z', duration: 3, url }]);
  expect((await app.inject(url.slice('https://box.lan:8080/cams'.length))).statusCode).toBe(200);
});

test.for([
  ['/list', 400, 'invalid path name: cannot be empty ()'],
  ['/list?path=../x', 400, "invalid path name: can't contain dot path segments (../x)"],
  ['/list?path=secret&start=nonsense', 401, 'authentication error'],
  ['/list?path=unknown', 400, "path 'unknown' is not configured"],
  ['/list?path=cam&start=yesterday', 400, 'invalid start'],
  ['/list?path=cam&end=yesterday', 400, 'invalid end'],
  ['/list?path=empty', 404, 'no recording segments found'],
  ['/get?path=cam&duration=1', 400, 'invalid start'],
  ['/get?path=cam&start=2026-07-01T12:00:00Z', 400, 'invalid duration'],
  [`${GET}&format=avi`, 400, 'invalid format: avi'],
  [`${GET}&speed=3`, 400, "invalid speed: '3' is none of 1, 2, 4, 8, 16 and no whole number up to 1440"],
  [`${GET}&speed=-8`, 400, 'invalid speed'],
  ['/get?path=secret', 401, 'authentication error'],
  ['/get?path=cam&start=2027-07-01T12:00:00Z&duration=1', 404, 'no recording segments found'],
] as const)('%s is answered with %s: %s', async ([url, status, message]) => {
  using folder = temporaryFolder();
  await record(folder.path, 2);
  await using playback = openPlayback(folder.path);
  await using app = await open(playback);
  const answer = await app.inject(url);
  expect(answer.statusCode).toBe(status);
  expect(answer.json().status).toBe('error');
  expect(answer.json().error).toContain(message);
});

test.for(['fmp4', 'mp4'])('%s: the full response, its ranges, its head and its tag agree', async (format) => {
  using folder = temporaryFolder();
  await record(folder.path, 3, { sound: true });
  await using playback = openPlayback(folder.path);
  await using app = await open(playback);
  const url = `${GET}&format=${format}`;
  const whole = await app.inject(url);
  const size = whole.rawPayload.length;
  const etag = String(whole.headers.etag);
  expect(whole.headers).toMatchObject({
    'content-type': 'video/mp4',
    'accept-ranges': 'bytes',
    'content-length': String(size),
  });
  expect(whole.headers['content-disposition']).toBeUndefined();

  const head = await app.inject({ method: 'HEAD', url, headers: { range: 'bytes=0-1' } });
  expect([head.statusCode, head.rawPayload.length]).toEqual([200, 0]);
  expect([head.headers['content-length'], head.headers.etag]).toEqual([String(size), etag]);

  // Safari's first question.
  const probe = await app.inject({ url, headers: { range: 'bytes=0-1' } });
  expect([probe.statusCode, probe.headers['content-range']]).toEqual([206, `bytes 0-1/${size}`]);
  expect(probe.rawPayload.equals(whole.rawPayload.subarray(0, 2))).toBe(true);

  const rest = await app.inject({ url, headers: { range: `bytes=${size - 1000}-`, 'if-range': etag } });
  expect([rest.statusCode, rest.headers['content-length']]).toEqual([206, '1000']);
  expect(rest.rawPayload.equals(whole.rawPayload.subarray(-1000))).toBe(true);

  const other = await app.inject({ url, headers: { range: 'bytes=0-1', 'if-range': '"other"' } });
  expect([other.statusCode, other.rawPayload.length]).toEqual([200, size]);

  const beyond = await app.inject({ url, headers: { range: `bytes=${size}-` } });
  expect([beyond.statusCode, beyond.headers['content-range']]).toEqual([416, `bytes */${size}`]);

  const known = await app.inject({ url, headers: { 'if-none-match': etag } });
  expect([known.statusCode, known.rawPayload.length]).toEqual([304, 0]);
});

test('a download has a name', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 2);
  await using playback = openPlayback(folder.path);
  await using app = await open(playback);
  const answer = await app.inject(`${GET}&format=mp4&download`);
  expect(answer.headers['content-disposition']).toBe('attachment; filename="cam_2026-07-01T12-00-00.mp4"');
  await using titled = await open(playback, '', 'Front door');
  const door = await titled.inject(`${GET}&format=mp4&download`);
  expect(door.headers['content-disposition']).toBe('attachment; filename="Front door_2026-07-01T12-00-00.mp4"');
});

test('a download that ends early says why, and where to continue', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 2);
  await record(folder.path, 2, { wall: WALL + 10_000 });
  await using playback = openPlayback(folder.path);
  await using app = await open(playback);
  const [early, whole] = [await app.inject(GET.replace('Z', '%2B00:00')), await app.inject(GET.replace('=60', '=2'))];
  expect(early.headers['perch-ends']).toBe('gap; resume="2026-07-01T12:00:10Z"');
  expect(String(early.headers['access-control-expose-headers'])).toContain('Perch-Ends');
  expect(whole.headers['perch-ends']).toBeUndefined();
  const other = await app.inject(GET.replace('12:00:00Z', '14:00:00%2B02:00'));
  expect(other.headers['perch-ends']).toBe('gap; resume="2026-07-01T14:00:10+02:00"');
});

test('deleting a recording during a download ends the connection', async () => {
  using folder = temporaryFolder();
  const files = await record(folder.path, 40, { gop: 1, segmentDurationMs: 20_000 });
  await using playback = openPlayback(folder.path);
  await using app = await open(playback);
  const whole = await app.inject(GET);
  const size = whole.rawPayload.length;
  rmSync(files[1] ?? '');
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const headers = { range: 'bytes=1-', 'if-range': String(whole.headers.etag) };
  const cut = await fetch(`http://127.0.0.1:${port}${GET}`, { headers });
  expect([cut.status, cut.headers.get('content-range')]).toEqual([206, `bytes 1-${size - 1}/${size}`]);
  await expect(cut.arrayBuffer()).rejects.toThrow('terminated');
  // A new request gets the remaining bytes.
  const shorter = await app.inject(GET);
  expect([shorter.statusCode, shorter.rawPayload.length < size]).toEqual([200, true]);
});

test('preflights are answered for both, and other routes do not exist', async () => {
  using folder = temporaryFolder();
  await using playback = openPlayback(folder.path);
  await using app = await open(playback);
  const preflight = await app.inject({ method: 'OPTIONS', url: '/get' });
  expect([preflight.statusCode, preflight.headers['methods']]).toEqual([204, 'OPTIONS, GET, HEAD']);
  expect((await app.inject({ method: 'POST', url: '/get' })).statusCode).toBe(404);
});

test('a client that disconnects during a download does not harm the next one', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 60, { gop: 1 });
  await using playback = openPlayback(folder.path);
  await using app = await open(playback);
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  await new Promise<void>((resolve, reject) => {
    const client = httpRequest({ port, host: '127.0.0.1', path: GET }, (answer) => {
      answer.once('data', () => {
        client.destroy();
        resolve();
      });
    });
    client.on('error', reject).end();
  });
  const again = await fetch(`http://127.0.0.1:${port}${GET}`);
  expect((await again.arrayBuffer()).byteLength).toBe(Number(again.headers.get('content-length')));
});

test('a request ends when its client has the full response or disconnects', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 3);
  await using playback = openPlayback(folder.path);
  const signals: (AbortSignal | undefined)[] = [];
  const get = playback.get.bind(playback);
  playback.get = (query, etag, done) => {
    signals.push(done);
    return get(query, etag, done);
  };
  await using app = await open(playback);
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}${GET}`;
  const whole = await fetch(url);
  expect(whole.headers.get('cache-control')).toBe('private, no-cache');
  await whole.arrayBuffer();
  await fetch(url, { method: 'HEAD' });
  const gone = httpRequest(url).on('error', () => {});
  gone.end();
  await expect.poll(() => signals.length).toBe(3);
  gone.destroy();
  await expect.poll(() => signals.map((signal) => signal?.aborted)).toEqual([true, true, true]);
});

/** The files of a ZIP, as its central directory lists them. */
function unzipped(zip: Buffer): readonly { readonly name: string; readonly data: Buffer }[] {
  const end = zip.length - 22;
  expect(zip.readUInt32LE(end)).toBe(0x06054b50);
  let at = zip.readUInt32LE(end + 16);
  return Array.from({ length: zip.readUInt16LE(end + 10) }, () => {
    expect(zip.readUInt32LE(at)).toBe(0x02014b50);
    const [sizeBytes, nameBytes, offset] = [
      zip.readUInt32LE(at + 24),
      zip.readUInt16LE(at + 28),
      zip.readUInt32LE(at + 42),
    ];
    const name = zip.toString('utf8', at + 46, at + 46 + nameBytes);
    const data = zip.subarray(offset + 30 + nameBytes, offset + 30 + nameBytes + sizeBytes);
    expect(zip.subarray(offset + 4, offset + 30)).toEqual(zip.subarray(at + 6, at + 32));
    expect(crc32(data)).toBe(zip.readUInt32LE(at + 16));
    at += 46 + nameBytes;
    return { name, data };
  });
}

const FILM = '/film?path=cam&path=yard&path=none&start=2026-07-01T12:00:00Z&duration=60';

test('a film of several cameras is a ZIP with the same times of each, gaps included', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 10);
  await record(folder.path, 5, { wall: WALL + 30_000 });
  await record(folder.path, 20, { path: 'yard', wall: WALL + 4_000 });
  await using playback = openPlayback(folder.path);
  await using app = await open(playback, '', 'Höf');
  const { headers, rawPayload } = await app.inject(FILM);
  expect(headers).toMatchObject({
    'content-type': 'application/zip',
    'content-length': String(rawPayload.length),
    'content-disposition': 'attachment; filename="Perch_2026-07-01T12-00-00.zip"',
  });
  const files = unzipped(rawPayload);
  expect(files.map(({ name }) => name)).toEqual(['Höf_2026-07-01T12-00-00.mp4', 'Höf_2026-07-01T12-00-00_2.mp4']);
  const [cam = [], yard = []] = files.map(({ data }) =>
    readPlainMp4(data)
      .get(1)
      ?.map(({ shownTime }) => shownTime / 90_000),
  );
  expect([cam[0], cam[99], cam[100], cam.at(-1)]).toEqual([0, 9.9, 30, 34.9]);
  expect([yard[0], yard.at(-1)]).toEqual([4, 23.9]);
  const head = await app.inject({ method: 'HEAD', url: FILM });
  expect([head.headers['content-length'], head.payload]).toEqual([String(rawPayload.length), '']);
});

test.for([
  [FILM.replace('yard', 'secret'), 401, 'authentication error'],
  [FILM.replace('yard', '..'), 400, 'dot path segments'],
  [FILM.replace('duration=60', 'duration=3601'), 400, 'at most 3600 s'],
  ['/film?start=2026-07-01T12:00:00Z&duration=60', 400, '0 paths are given, 1 to 16'],
  [`${FILM}${Array.from({ length: 14 }, (_, i) => `&path=${i}`).join('')}`, 400, '17 paths are given, 1 to 16'],
  [FILM, 404, 'none of these cameras has recordings of this time'],
] as const)('%s is %s: %s', async ([url, status, message]) => {
  using folder = temporaryFolder();
  await using playback = openPlayback(folder.path);
  await using app = await open(playback);
  const answer = await app.inject(url);
  expect([answer.statusCode, answer.json().error]).toEqual([status, expect.stringContaining(message)]);
});
