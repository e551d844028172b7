import { expect, test } from 'vitest';
import { failureOf } from './live-session.ts';

test.for([
  [0, 'the box does not answer', 'away'],
  [502, 'bad gateway', 'away'],
  [401, 'authentication required', 'refused'],
  [404, "no stream is available on path 'gate'", 'absent'],
  [400, 'codecs not supported by client: the video is H265 and this browser does not take it', 'codec'],
  [503, 'WebRTC has no media port open (webrtcLocalUDPAddress)', 'transport'],
  [504, 'gateway timeout', 'away'],
  [400, 'WebRTC is switched off (webrtc: no)', 'transport'],
] as const)('an answer of %i, "%s", means: %s', ([status, message, kind]) => {
  expect(failureOf(status, message)).toMatchObject({ kind, message });
});
