import { fastify } from 'fastify';
import { expect, test } from 'vitest';
import { SerialQueue } from '../../base/serial-queue.ts';
import { collectUnsaved, noteUnsaved } from '../../config/store/unsaved-changes.ts';
import type { Problem } from '../../config/yaml/problem.ts';
import { announceUnsaved } from './unsaved.ts';

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
