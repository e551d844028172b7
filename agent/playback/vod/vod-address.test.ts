import { expect, test } from 'vitest';
import { parseVodAddress } from './vod-address.ts';

test.for([
  ['cam/index.m3u8', { kind: 'vod', path: 'cam' }],
  ['house/front door/index.m3u8', { kind: 'vod', path: 'house/front door' }],
  ['cam/media.m3u8', { kind: 'vodMedia', path: 'cam' }],
  ['cam/rewind.m3u8', { kind: 'rewind', path: 'cam' }],
  ['cam/rewind_stream.m3u8', { kind: 'rewindMedia', path: 'cam' }],
  ['cam/frame.mp4', { kind: 'frame', path: 'cam' }],
  ['vod/frame.mp4', { kind: 'frame', path: 'vod' }],
  ['cam/vod/frame.mp4', { kind: 'frame', path: 'cam/vod' }],
  [
    'a/b/vod/1782907200000000-a_b-c1D2.mp4',
    { kind: 'resource', path: 'a/b', resource: { nameUs: 1782907200000000, tag: 'a_b-c1D2', stepSeconds: 0 } },
  ],
  [
    'a/b/vod/1782907200000000-a_b-c1D2.-5.mp4',
    { kind: 'resource', path: 'a/b', resource: { nameUs: 1782907200000000, tag: 'a_b-c1D2', stepSeconds: -5 } },
  ],
] as const)('%s', ([address, parsed]) => {
  expect(parseVodAddress(address)).toEqual(parsed);
});

test.for([
  [''],
  ['index.m3u8'],
  ['/index.m3u8'],
  ['cam'],
  ['cam/'],
  ['cam/list'],
  ['vod/1782907200000000-a_b-c1D2.mp4'],
  ['cam/vod/1782907200000000-short.mp4'],
  ['cam/vod/-5-a_b-c1D2.mp4'],
  ['cam/vod/1782907200000000-a_b-c1D2.6.mp4'],
  ['cam/vod/1782907200000000-a_b-c1D2.mp4\0'],
  ['cam/vod/../1782907200000000-a_b-c1D2.mp4'],
  ['cam/vod/17829072000000001782907200000000-a_b-c1D2.mp4'],
])("'%s' is not an address", ([address = '']) => {
  expect(parseVodAddress(address)).toBeUndefined();
});
