import { expect, test } from 'vitest';
import { openHttpHarness } from '../../../test/support/harness/http-harness.ts';
import { keepPrefix } from './proxy-prefix.ts';

test.for<[string, string, Record<string, string>, string]>([
  ['a path', '/cam/', { 'x-forwarded-prefix': '/perch' }, '/perch/cam/'],
  ['a path below two folders', '/cam/', { 'x-forwarded-prefix': '/a/b/' }, '/a/b/cam/'],
  ['a path without a proxy', '/cam/', {}, '/cam/'],
  ['a relative address', './cam', { 'x-forwarded-prefix': '/perch' }, './cam'],
  ['a whole address', 'https://box.lan/cam', { 'x-forwarded-prefix': '/perch' }, 'https://box.lan/cam'],
  ['another host', '//box.lan/cam', { 'x-forwarded-prefix': '/perch' }, '//box.lan/cam'],
])('Location below a folder: %s', async ([, location, headers, expected]) => {
  await using box = await openHttpHarness({ trustedProxies: ['127.0.0.1'] });
  keepPrefix(box.app, box.access);
  box.app.get('/there', (_request, reply) => reply.redirect(location));
  expect((await box.app.inject({ url: '/there', headers })).headers['location']).toBe(expected);
});

test('a folder that a stranger names is not in Location', async () => {
  await using box = await openHttpHarness();
  keepPrefix(box.app, box.access);
  box.app.get('/there', (_request, reply) => reply.redirect('/cam/'));
  const { headers } = await box.app.inject({ url: '/there', headers: { 'x-forwarded-prefix': '/evil' } });
  expect(headers['location']).toBe('/cam/');
});
