import { fastify } from 'fastify';
import Type from 'typebox';
import { expect, onTestFinished, test } from 'vitest';
import { type ErrorCode, PerchError } from '../../base/errors.ts';
import { createLogger, silentLogger } from '../../base/log.ts';
import { SerialQueue } from '../../base/serial-queue.ts';
import { collectUnsaved, noteUnsaved } from '../../config/store/unsaved-changes.ts';
import type { Problem } from '../../config/yaml/problem.ts';
import { announceUnsaved, createHttpApp } from './app.ts';

const open = (log = silentLogger) => {
  const app = createHttpApp({ log });
  app.get('/broken', () => Promise.reject(new TypeError('undefined is not a camera')));
  app.get<{ Querystring: { code: ErrorCode } }>('/fails', ({ query }) => {
    throw new PerchError(query.code, 'no rtsp://tom:secret@cam/1 here');
  });
  app.get('/busy', () => {
    throw new PerchError('exhausted', 'too many', { retryAfterS: 4.2 });
  });
  app.get<{ Querystring: { camera: string } }>('/camera', ({ query: { camera } }) => {
    throw new PerchError('unavailable', 'no answer from the camera', { camera });
  });
  app.get('/refused', () => {
    throw new PerchError('unavailable', 'the box refuses', { why: 'away', absence: 'boxRefuses' });
  });
  app.get('/closed', () => {
    throw new PerchError('unauthorized', 'authentication error', { challenge: true });
  });
  app.post('/json', ({ body }) => ({ body }));
  app.get('/playback/list', () => []);
  app.get('/folder/', () => 'folder');
  app.post('/kick', () => ({ status: 'ok' }));
  return app;
};

test.for<[ErrorCode, number]>([
  ['badInput', 400],
  ['unauthorized', 401],
  ['notFound', 404],
  ['timeout', 504],
  ['unavailable', 503],
  ['unsupported', 501],
  ['exhausted', 507],
])('%s is answered with %i, in the standard form and without credentials', async ([code, status]) => {
  const answer = await open().inject(`/fails?code=${code}`);
  expect(answer.statusCode).toBe(status);
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(answer.body).toBe('{"status":"error","error":"no rtsp://cam/1 here"}');
});

test.for([
  ['a paused camera', 'unsupported', { isPaused: true }, 409, 'paused'],
  ['a taken name', 'badInput', { isTaken: true }, 409, 'taken'],
  ['work that is under way', 'exhausted', { isBusy: true }, 409, 'busy'],
  ['a reason of its own', 'unavailable', { why: 'notWritten' }, 503, 'notWritten'],
  ['no word for it', 'unavailable', { why: 7 }, 503, undefined],
] as const)('a rejection because of %s has it in one word', async ([, code, context, status, why]) => {
  const app = createHttpApp({ log: silentLogger });
  app.get('/refused', () => Promise.reject(new PerchError(code, 'no', context)));
  const answer = await app.inject('/refused');
  const said = why === undefined ? {} : { why };
  expect([answer.statusCode, answer.json()]).toEqual([status, { status: 'error', error: 'no', ...said }]);
});

test('a bug is answered without its text, and logged with it', async () => {
  const lines: string[] = [];
  const answer = await open(createLogger('info', (line) => lines.push(line))).inject('/broken?token=abc');
  expect([answer.statusCode, answer.json()]).toEqual([500, { status: 'error', error: 'internal error' }]);
  expect(lines.join()).toContain('undefined is not a camera');
  expect(lines.join()).not.toContain('token=abc');
});

test('a request to an offline camera is answered, and only other failures are logged as warnings', async () => {
  const warned: string[] = [];
  const app = open(createLogger('warn', (line) => warned.push(JSON.parse(line).camera)));
  for (const camera of ['unreachable', 'timeout', 'badReply']) {
    expect((await app.inject(`/camera?camera=${camera}`)).statusCode).toBe(503);
  }
  expect(warned).toEqual(['badReply']);
});

test('the log of a failed request has its own status, not that of the camera', async () => {
  const logged: number[] = [];
  const app = open(createLogger('warn', (line) => logged.push(JSON.parse(line).status)));
  app.get('/soap', () => Promise.reject(new PerchError('unsupported', 'a fault', { status: 500, host: 'cam' })));
  expect([(await app.inject('/soap')).statusCode, logged]).toEqual([501, [501]]);
});

test('every request is in the debug log, without secrets of its URL', async () => {
  const lines: string[] = [];
  await open(createLogger('debug', (line) => lines.push(line))).inject('/playback/list?jwt=eyJhbGciOi&path=a');
  expect(lines.join()).toContain('/playback/list?jwt=***&path=a');
  expect(lines.join()).not.toContain('eyJhbGciOi');
});

test('a temporary overload is 429 with the time to wait', async () => {
  const answer = await open().inject('/busy');
  expect([answer.statusCode, answer.headers['retry-after']]).toEqual([429, '5']);
});

test("a challenge is sent to programs and foreign pages, not to Perch's page", async () => {
  const app = open();
  expect((await app.inject('/closed')).headers['www-authenticate']).toBe('Basic realm="mediamtx"');
  const own = await app.inject({ url: '/closed', headers: { 'x-perch-ui': '1' } });
  expect([own.statusCode, own.headers['www-authenticate']]).toEqual([401, undefined]);
});

test.for<[string, 'GET' | 'POST' | 'HEAD', number, string | undefined]>([
  ['/playback/list/', 'GET', 301, '../list'],
  ['/playback/list/?path=a', 'GET', 301, '../list?path=a'],
  ['/folder', 'GET', 301, 'folder/'],
  ['/playback/list/', 'HEAD', 301, '../list'],
  ['/kick/', 'POST', 307, '../kick'],
  ['/kick', 'GET', 404, undefined],
  ['/nothing', 'GET', 404, undefined],
  ['/', 'GET', 404, undefined],
  ['//evil.example', 'GET', 404, undefined],
])('%s by %s is %i to %s', async ([url, method, status, location]) => {
  const answer = await open().inject({ url, method });
  expect([answer.statusCode, answer.headers.location]).toEqual([status, location]);
});

test("an unknown route returns MediaMTX's plain text", async () => {
  const answer = await open().inject('/nothing');
  expect([answer.body, answer.headers['content-type']]).toEqual(['404 page not found', 'text/plain; charset=utf-8']);
});

test.for<[string, string, string, number]>([
  ['JSON', 'application/json', '{"a":1}', 200],
  ['broken JSON', 'application/json', '{"a":', 400],
  ['a form', 'application/x-www-form-urlencoded', 'a=1', 415],
  ['text, which a form of another site may send', 'text/plain', '{"a":1}', 415],
  ['too much', 'application/json', `"${'x'.repeat(1 << 20)}"`, 413],
])('a body of %s', async ([, type, payload, status]) => {
  const answer = await open().inject({ method: 'POST', url: '/json', headers: { 'content-type': type }, payload });
  expect(answer.statusCode).toBe(status);
});

test.for(['application/json', 'application/json; charset=utf-8', undefined])(
  'a request without a body needs no type, and may have one (%s)',
  async (type) => {
    const headers = type === undefined ? {} : { 'content-type': type };
    const answer = await open().inject({ method: 'POST', url: '/json', headers });
    expect([answer.statusCode, answer.json()]).toEqual([200, {}]);
  },
);

test('a body that is not JSON is rejected with the expected type', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await open().inject({ method: 'POST', url: '/json', headers, payload: '{"a":1}' });
  expect(answer.json()).toEqual({
    status: 'error',
    error: 'the body has to be JSON, with Content-Type: application/json',
  });
});

test.for(['/%zz', '/%c0%ae'])('an invalid URL (%s) is rejected in the same form', async (url) => {
  const answer = await open().inject(url);
  expect([answer.statusCode, answer.json().status]).toEqual([400, 'error']);
});

const SCHEMA = {
  summary: 'Takes a file',
  consumes: 'application/json',
  body: Type.Object({ name: Type.String() }),
  querystring: Type.Object({ count: Type.Integer() }),
  response: { 200: Type.Object({ name: Type.String() }) },
};

test('a schema is in the catalog, and Fastify neither validates requests nor filters replies by it', async () => {
  const app = createHttpApp({ log: silentLogger });
  onTestFinished(() => app.close());
  app.post('/v3/files', { schema: SCHEMA }, ({ body, query, routeOptions }) => ({
    ...{ body, query, kept: Object.keys(routeOptions.schema ?? {}) },
  }));
  const { statusCode, body } = await app.inject({ method: 'POST', url: '/v3/files?count=many', payload: { size: 7 } });
  const answer = { body: { size: 7 }, query: { count: 'many' }, kept: ['consumes'] };
  expect([statusCode, JSON.parse(body)]).toEqual([200, answer]);
  expect(app.routeCatalog.routes).toEqual([{ method: 'POST', url: '/v3/files', schema: SCHEMA }]);
});

test('a box that refuses is not said to be away', async () => {
  const answer = await open().inject('/refused');
  expect([answer.statusCode, answer.json()]).toEqual([
    503,
    { status: 'error', error: 'the box refuses', why: 'boxRefuses' },
  ]);
});

const PROBLEM: Problem = {
  severity: 'warn',
  ...{ file: '/srv/Küche/my.yml', key: '', message: 'mounted read-only', why: 'notSaved' },
};
const HEADER = '/srv/K%C3%BCche/my.yml: mounted read-only';

test('only the answer to the request that changed something unsaved says so, in ASCII', async () => {
  const app = fastify();
  const queue = new SerialQueue();
  const arrived = Promise.withResolvers<void>();
  const [before, after] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  announceUnsaved(app);
  app.addHook('preHandler', async ({ url }) => {
    if (url === '/refused') {
      await after.promise;
      throw Object.assign(new Error('authentication error'), { statusCode: 401 });
    }
  });
  app.post('/change', async () => {
    await before.promise;
    await queue.run(async () => noteUnsaved(PROBLEM));
    return {};
  });
  app.post('/other', async () => {
    arrived.resolve();
    await after.promise;
    await queue.run(async () => {});
    return {};
  });
  app.post('/refused', () => ({}));
  app.get('/change', () => {
    noteUnsaved(PROBLEM);
    return {};
  });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  const ask = async (method: 'GET' | 'POST', path: string) => {
    const body = method === 'GET' ? {} : { body: '{"a":1}', headers: { 'Content-Type': 'application/json' } };
    const { status, headers } = await fetch(`${url}${path}`, { method, ...body });
    return [status, headers.get('perch-unsaved')];
  };
  const overlapping = [ask('POST', '/other'), ask('POST', '/refused')];
  const change = ask('POST', '/change');
  await arrived.promise;
  before.resolve();
  expect(await change).toEqual([200, HEADER]);
  after.resolve();
  expect(await Promise.all(overlapping)).toEqual([
    [200, null],
    [401, null],
  ]);
  // The next request of the same connection is another one.
  expect(await ask('POST', '/other')).toEqual([200, null]);
  expect(await ask('POST', '/change')).toEqual([200, HEADER]);
  expect(await ask('GET', '/change')).toEqual([200, null]);
  await app.close();
});

test('a listener that an unsaved change has opened says nothing of it in its answers', async () => {
  const app = fastify();
  announceUnsaved(app);
  app.addHook('onRequest', async ({ method }) => {
    if (method === 'POST') {
      throw Object.assign(new Error('authentication error'), { statusCode: 401 });
    }
  });
  app.get('/', () => ({}));
  app.post('/', () => ({}));
  const url = await new Promise<string>((resolve, reject) => {
    collectUnsaved({ problem: PROBLEM }, () => {
      app.listen({ port: 0, host: '127.0.0.1' }).then(resolve, reject);
    });
  });
  for (const [method, status] of [
    ['GET', 200],
    ['POST', 401],
  ] as const) {
    const answer = await fetch(url, { method });
    expect([answer.status, answer.headers.get('perch-unsaved')]).toEqual([status, null]);
  }
  await app.close();
});
