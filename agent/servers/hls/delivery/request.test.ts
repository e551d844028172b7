import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { addressQuery, beginningQuery, checkQuery, parseRequest } from './request.ts';

test.for([
  ['cam/index.m3u8', { kind: 'multivariant', path: 'cam' }],
  ['a/b/index.m3u8', { kind: 'multivariant', path: 'a/b' }],
  ['cam/video1_stream.m3u8', { kind: 'media', path: 'cam', rendition: 'video1' }],
  ['cam/audio12_stream.m3u8', { kind: 'media', path: 'cam', rendition: 'audio12' }],
  ['cam/0f_video1_seg3.mp4', { kind: 'file', path: 'cam', file: '0f_video1_seg3.mp4' }],
  ['cam/0f_video1_seg3.mp', { kind: 'file', path: 'cam', file: '0f_video1_seg3.mp4' }],
  ['cam/', { kind: 'page', path: 'cam' }],
  ['a/b/', { kind: 'page', path: 'a/b' }],
  ['cam', { kind: 'redirect', to: './cam/' }],
  ['a/b', { kind: 'redirect', to: './b/' }],
  ['/evil.example', { kind: 'redirect', to: './evil.example/' }],
  ['a/\\evil.example', { kind: 'redirect', to: './%5Cevil.example/' }],
  ['javascript:alert(1)', { kind: 'redirect', to: './javascript%3Aalert(1)/' }],
  ['cam/hls.min.js', { kind: 'library', name: 'hls.min.js' }],
  ['hls.min.js', { kind: 'library', name: 'hls.min.js' }],
  ['perch-video.js', { kind: 'library', name: 'perch-video.js' }],
  ['cam/near-live.js', { kind: 'library', name: 'near-live.js' }],
  ['cam/main_stream.m3u8', { kind: 'media', path: 'cam', rendition: 'main' }],
  ['cam/0f_main_seg3.ts', { kind: 'file', path: 'cam', file: '0f_main_seg3.ts' }],
  ['cam.m3u8', { kind: 'foreign', path: 'cam', to: './cam/index.m3u8' }],
  ['a/b.m3u8', { kind: 'foreign', path: 'a/b', to: './b/index.m3u8' }],
  ['a/b/hls.m3u8', { kind: 'foreign', path: 'a/b', to: './index.m3u8' }],
  ['hls.m3u8', { kind: 'foreign', path: 'hls', to: './hls/index.m3u8' }],
  ['.m3u8', { kind: 'nothing' }],
  ['hls.min.js.map', { kind: 'nothing' }],
  ['favicon.ico', { kind: 'nothing' }],
  ['', { kind: 'nothing' }],
  ['index.m3u8', { kind: 'nothing' }],
  ['x.mp4', { kind: 'nothing' }],
] as const)('%s', ([address, wanted]) => {
  expect(parseRequest(address)).toEqual(wanted);
});

test('queries are kept, except parameters of one playlist request, and are escaped in playlists', () => {
  expect(addressQuery('?jwt=a.b&_HLS_msn=3&x=1')).toBe('?jwt=a.b&x=1');
  expect(addressQuery('')).toBe('');
  expect(addressQuery('?_HLS_skip=YES&_HLS_msn=4&_HLS_part=2')).toBe('');
  expect(addressQuery('?x=%22%0a%23EXT')).toBe('?x=%22%0A%23EXT');
  expect(addressQuery('?session=a&x')).toBe('?session=a&x=');
});

test('queries of a new session drop its start parameters and carry its id', () => {
  expect(beginningQuery('?cookieCheck=1&a=1&session=old', undefined)).toBe('?a=1');
  expect(beginningQuery('?cookieCheck=1&a=1&session=old', 'new')).toBe('?a=1&session=new');
  expect(checkQuery('?b=2&session=old&a=1')).toBe('?a=1&b=2&cookieCheck=1');
});

test('any request path is resolved below this prefix', () => {
  const next = random(23);
  const pieces = [
    '/',
    '..',
    '.',
    '\\',
    'cam',
    'index',
    'hls',
    '.m3u8',
    '.mp4',
    '.mp',
    '.ts',
    '_stream',
    'video1',
    ':',
    '%',
    'é',
    '"',
    '\n',
    '?',
  ];
  for (let i = 0; i < 2000; i += 1) {
    const address = Array.from({ length: next() * 8 }, () => pieces[Math.floor(next() * pieces.length)]).join('');
    const wanted = parseRequest(address);
    if ('to' in wanted) {
      const target = new URL(wanted.to, 'http://box/prefix/some/request');
      expect([address, target.host, target.pathname.startsWith('/prefix/')]).toEqual([address, 'box', true]);
    }
    if ('path' in wanted) {
      expect(wanted.path, address).not.toBe('');
    }
    const query = `?${address}=${address}&_HLS_msn=${address}`;
    expect(addressQuery(query)).not.toMatch(/["\n]/);
  }
});
