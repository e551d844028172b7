import { expect, test } from 'vitest';
import { failureOf, isSoundLeftOut, leftOutOf } from './live-session.ts';

test.for([
  [0, 'no answer', 'away'],
  [502, 'bad gateway', 'away'],
  [401, 'authentication required', 'refused'],
  [404, "no stream is available on path 'gate'", 'absent'],
  [400, "path 'codecs' is not configured", 'absent'],
  [400, 'codecs not supported by client: the video is H265 and this browser does not take it', 'codec'],
  [400, 'the video is M-JPEG, which no browser takes over WebRTC: set the camera to H264', 'codec'],
  [400, "WebRTC doesn't support H264 streams with B-frames: turn them off in the camera", 'codec'],
  [503, 'WebRTC has no media port open (webrtcLocalUDPAddress)', 'transport'],
  [504, 'gateway timeout', 'away'],
  [400, 'WebRTC is switched off (webrtc: no)', 'transport'],
] as const)('a response of %i, "%s", means: %s', ([status, message, kind]) => {
  expect(failureOf(status, message)).toMatchObject({ kind, message });
});

test.for([
  [null, []],
  ['', []],
  ['audio MPEG-4 Audio (not for WebRTC)', ['MPEG-4 Audio']],
  ['video H265 (another video is sent), audio G711 (the player does not take it)', ['H265', 'G711']],
  ['unknown words', ['unknown words']],
] as const)('labels of left-out tracks: %s', ([header, names]) => {
  expect(leftOutOf(header)).toEqual(names);
});

test.for([
  [null, false],
  ['video H265 (another video is sent)', false],
  ['video H265 (another video is sent), audio MPEG-4 Audio (HE-AAC is not decoded)', true],
] as const)('whether audio is left out: %s', ([header, isLeftOut]) => {
  expect(isSoundLeftOut(header)).toBe(isLeftOut);
});

test('a codec error names the codec', () => {
  expect(failureOf(400, 'codecs not supported by client: the video is H265 and no more').codec).toBe('H.265');
  expect(failureOf(404, 'no H265 here').codec).toBeUndefined();
});
