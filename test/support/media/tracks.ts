import type { H264Track } from '../../../agent/media/sample/track.ts';

/** A camera's sub stream, for tests that never decode it. */
export const H264_TRACK: H264Track = {
  kind: 'video',
  codec: 'h264',
  clockRate: 90_000,
  width: 640,
  height: 360,
  fps: 15,
  sps: Uint8Array.of(0x67, 0x42, 0xc0, 0x1e),
  pps: [Uint8Array.of(0x68, 0xce)],
};
