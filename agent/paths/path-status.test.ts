import { expect, test } from 'vitest';
import { av1, mjpeg, mpeg4Video, vp8, vp9 } from '../../test/support/media/video-tracks.ts';
import { describeTrack } from './path-status.ts';

test.for([
  [av1, { codec: 'AV1', codecProps: { width: 320, height: 240, profile: 0, level: 0, tier: 0 } }],
  [vp9, { codec: 'VP9', codecProps: { profile: 0 } }],
  [vp8, { codec: 'VP8', codecProps: null }],
  [mjpeg, { codec: 'M-JPEG', codecProps: null }],
  [mpeg4Video, { codec: 'MPEG-4 Video', codecProps: null }],
] as const)('$0.codec is described as MediaMTX does', ([track, expected]) => {
  expect(describeTrack(track)).toEqual(expected);
});
