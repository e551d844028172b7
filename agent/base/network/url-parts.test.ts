import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { threadCpuMs } from '../../../test/support/base/thread-cpu.ts';
import { parseLogin, splitUrl, webUrl } from './url-parts.ts';

test.for([
  ['rtsp://cam', undefined, 'cam', undefined, ''],
  ['RTSP://cam:554/a', undefined, 'cam', 554, '/a'],
  ['rtsp://a:b@cam/live@2x', 'a:b', 'cam', undefined, '/live@2x'],
  ['rtsp://cam:554/user=a@b&password=c@d', undefined, 'cam', 554, '/user=a@b&password=c@d'],
  ['rtsp://cam?user=a@b', undefined, 'cam', undefined, '?user=a@b'],
  ['rtsp://cam#user=a@b', undefined, 'cam', undefined, '#user=a@b'],
  ['rtsp://a:p@s:s#1?x=%41$@cam:8554/1', 'a:p@s:s#1?x=%41$', 'cam', 8554, '/1'],
  ['rtsp://a:1#x@cam/1', 'a:1#x', 'cam', undefined, '/1'],
  ['rtsp://me@example.org:secret@cam/1', 'me@example.org:secret', 'cam', undefined, '/1'],
  ['rtsp://me@example.org@cam/1', 'me@example.org', 'cam', undefined, '/1'],
  ['rtsp://me:12@cam/1', 'me:12', 'cam', undefined, '/1'],
  ['rtsp://a:my pass@cam/1', 'a:my pass', 'cam', undefined, '/1'],
  ['rtsp://@cam/1', '', 'cam', undefined, '/1'],
  ['rtsp://[fe80::1%eth0]:554/1', undefined, '[fe80::1%eth0]', 554, '/1'],
  ['rtsp://cam/a?b?c#d#e$=f g', undefined, 'cam', undefined, '/a?b?c#d#e$=f g'],
  ['unix+mpegts:///run/a.sock', undefined, '', undefined, '/run/a.sock'],
] as const)('%s', ([text, login, host, port, rest]) => {
  expect(splitUrl(text)).toEqual({ scheme: text.split(':')[0]?.toLowerCase(), login, host, port, rest });
});

test.for([
  '',
  'cam',
  'rtsp:/cam',
  'rtsp://a:secret/x@cam/1',
  'rtsp://cam:0/',
  'rtsp://cam:65536/',
  'rtsp://c am/',
  'rtsp://[cam/',
  'rtsp://cam/a\r\nb',
])("'%s' is none", (text) => {
  expect(splitUrl(text)).toBeUndefined();
});

test.for([
  ['admin:p%40ss%3A1', 'admin', 'p@ss:1'],
  ['admin:100%', 'admin', '100%'],
  ['admin:a:b', 'admin', 'a:b'],
  ['admin', 'admin', undefined],
] as const)('the login %s', ([login, user, password]) => {
  expect(parseLogin(login)).toEqual({ user, password });
});

test.for([
  ['http://a:p@s#?1%@cam/x.m3u8?a=1', 'p@s#?1%'],
  ['http://a:1#x@cam/x.m3u8?a=1', '1#x'],
  ['http://a:p%40s@cam/x.m3u8?a=1', 'p@s'],
  ['http://a:\ud800@cam/x.m3u8?a=1', '\ufffd'],
] as const)('%s as web URL', ([text, password]) => {
  const url = new URL(webUrl(text));
  expect(decodeURIComponent(url.password)).toBe(password);
  expect(`${url.host}${url.pathname}${url.search}`).toBe('cam/x.m3u8?a=1');
});

test('mutated addresses are split in linear time, and nothing is lost', () => {
  const next = random(9);
  const seed = 'rtsp://admin:secret@10.0.0.1:8554/live?ch=1#a';
  for (let i = 0; i < 5_000; i += 1) {
    const at = Math.floor(next() * seed.length);
    const text = seed.slice(0, at) + String.fromCharCode(33 + next() * 300) + seed.slice(at + Math.floor(next() * 3));
    const parts = splitUrl(text);
    expect(!parts || text.endsWith(parts.rest)).toBe(true);
  }
  for (const piece of ['@', ':', '@a:', 'a:b@', '#@', ':1', '[']) {
    splitUrl(`rtsp://${piece.repeat(20_000)}\n`);
  }
});

test('an address with many hosts and a control character is rejected in one pass', () => {
  const startedMs = threadCpuMs();
  expect(splitUrl(`rtsp://a:${'@h?'.repeat(40_000)}\u0001x`)).toBeUndefined();
  expect(threadCpuMs() - startedMs).toBeLessThan(1_000);
});
