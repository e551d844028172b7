import { expect, test } from 'vitest';
import { addressQuery, parseRequest } from './request.ts';

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
  ['hls.min.js.map', { kind: 'nothing' }],
  ['favicon.ico', { kind: 'nothing' }],
  ['', { kind: 'nothing' }],
  ['index.m3u8', { kind: 'nothing' }],
  ['x.mp4', { kind: 'nothing' }],
] as const)('%s', ([address, wanted]) => {
  expect(parseRequest(address)).toEqual(wanted);
});

test('queries carry on but for what belongs to one playlist request, and cannot break out of a playlist', () => {
  expect(addressQuery('?jwt=a.b&_HLS_msn=3&x=1')).toBe('?jwt=a.b&x=1');
  expect(addressQuery('')).toBe('');
  expect(addressQuery('?_HLS_skip=YES')).toBe('');
  expect(addressQuery('?x=%22%0a%23EXT')).toBe('?x=%22%0A%23EXT');
});
