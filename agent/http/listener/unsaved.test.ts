import { fastify } from 'fastify';
import { expect, test } from 'vitest';
import type { Problem } from '../../config/yaml/problem.ts';
import { announceUnsaved } from './unsaved.ts';

test('only an answer to a request that changed something unsaved says so, in ASCII', async () => {
  const app = fastify();
  let unsaved: Problem | undefined;
  const change = () => {
    unsaved = { severity: 'warn', file: '/srv/Küche/my.yml', key: '', message: 'mounted read-only', why: 'notSaved' };
    return {};
  };
  announceUnsaved(app, () => unsaved);
  app.post('/change', change);
  app.post('/other', () => ({}));
  app.get('/change', change);
  const headerOf = async (method: 'GET' | 'POST', url: string) =>
    (await app.inject({ method, url })).headers['perch-unsaved'];
  expect(await headerOf('POST', '/other')).toBeUndefined();
  expect(await headerOf('POST', '/change')).toBe('/srv/K%C3%BCche/my.yml: mounted read-only');
  expect(await headerOf('POST', '/other')).toBeUndefined();
  expect(await headerOf('POST', '/change')).toBe('/srv/K%C3%BCche/my.yml: mounted read-only');
  expect(await headerOf('GET', '/change')).toBeUndefined();
  await app.close();
});
