import { expect, onTestFinished, test } from 'vitest';
import { tinyH264, tinyVideo } from '../../../../test/support/media/tiny-h264.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import type { OpusTrack } from '../../../media/sample/track.ts';
import { Stream } from '../../../stream/stream.ts';
import type { MuxerOptions } from '../contracts/hls-muxer.ts';
import { Muxer } from './muxer.ts';
import { SegmentClock } from './segment-clock.ts';

const opus: OpusTrack = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
const OPTIONS: MuxerOptions = {
  prefix: 'p',
  variant: 'lowLatency',
  segmentCount: 7,
  segmentDurationMs: 1000,
  partDurationMs: 200,
  segmentMaxBytes: 1 << 20,
};
/** How far the sound's own wall clock is off that of the pictures. */
const OFF_MS = 350;
/** Audio is dated earlier by this, so that players never place it too late: they would wait for it. */
const EARLY_MS = 4;

test("audio segments have the video's wall clock, however far the audio's is off", () => {
  const stream = new Stream([tinyH264, opus]);
  const muxer = new Muxer('cam', stream, OPTIONS, () => {});
  onTestFinished(() => muxer.close());
  muxer.start();
  for (const [i, picture] of tinyVideo(126, 25, 25, 0, 1_000_000).entries()) {
    // The first pictures arrived late.
    stream.write(0, i > 10 ? picture : { ...picture, wall: picture.wall + 500 });
    for (const pts of [i * 1920, i * 1920 + 960]) {
      const wall = 1_000_000 + pts / 48 + OFF_MS;
      stream.write(1, { pts, dts: pts, wall, key: true, data: Uint8Array.of(0xfc, 0xff, 0xfe) });
    }
  }
  const [video, audio] = muxer.renditions.map(({ playlist }) => playlist);
  const wallsOf = (playlist: typeof video) => playlist?.segments.map(({ wallMs }) => Math.round(wallMs));
  expect(wallsOf(video)).toEqual([1_000_000, 1_001_000, 1_002_000, 1_003_000, 1_004_000]);
  expect(wallsOf(audio)).toEqual(wallsOf(video)?.map((wallMs) => wallMs - EARLY_MS));
});

const at = (seconds: number, wall: number): Sample => {
  const pts = seconds * 1000;
  return { pts, dts: pts, wall, key: true, data: new Uint8Array(0) };
};

test.for([
  ['follows the camera', [0, 1000, 3000], [0, 1000, 3000]],
  ['is corrected by at most the drift of camera clocks', [300, 1000, 3000], [300, 1299.9, 3299.7]],
  ['is corrected in the other direction, too', [0, 1000.05, 3500], [0, 1000.05, 3000.25]],
  ['follows a step of the local clock at once', [0, 1_000_000, 1_002_000], [0, 1_000_000, 1_002_000]],
] as const)('the wall clock %s', ([, walls, expected]) => {
  const clock = new SegmentClock();
  for (const [i, seconds] of [0, 1, 3].entries()) {
    expect(clock.begins(at(seconds, walls[i] ?? 0), 1000)).toBeCloseTo(expected[i] ?? 0, 6);
  }
});

test('a segment before all known samples is dated by the oldest offset', () => {
  const clock = new SegmentClock();
  clock.begins(at(10, 5000), 1000);
  expect(clock.wallMsOf(at(9, 0), 1000, 'video')).toBe(4000);
});
