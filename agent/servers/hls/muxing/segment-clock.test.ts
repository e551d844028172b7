import { expect, onTestFinished, test } from 'vitest';
import { tinyH264, tinyVideo } from '../../../../test/tiny-h264.ts';
import type { Sample } from '../../../media/sample.ts';
import type { OpusTrack } from '../../../media/track.ts';
import { Stream } from '../../../stream/stream.ts';
import type { MuxerOptions } from '../hls-muxer.ts';
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

test("the sound's segments tell the pictures' wall clock, however far the sound's own is off", () => {
  const stream = new Stream([tinyH264, opus]);
  const muxer = new Muxer('cam', stream, OPTIONS, () => {});
  onTestFinished(() => muxer.close());
  muxer.start();
  for (const [i, picture] of tinyVideo(126, 25, 25, 0, 1_000_000).entries()) {
    // From the second segment on the pictures are known to have come sooner.
    stream.write(0, i < 25 ? picture : { ...picture, wall: picture.wall - 50 });
    for (const pts of [i * 1920, i * 1920 + 960]) {
      const wall = 1_000_000 + pts / 48 + OFF_MS;
      stream.write(1, { pts, dts: pts, wall, key: true, data: Uint8Array.of(0xfc, 0xff, 0xfe) });
    }
  }
  const [video, audio] = muxer.renditions.map(({ playlist }) => playlist);
  const wallsOf = (playlist: typeof video) => playlist?.segments.map(({ wallMs }) => Math.round(wallMs));
  expect(wallsOf(video)).toEqual([1_000_000, 1_000_998, 1_001_996, 1_002_994, 1_003_992]);
  expect(wallsOf(audio)).toEqual(wallsOf(video));
});

const at = (seconds: number, wall: number): Sample => {
  const pts = seconds * 1000;
  return { pts, dts: pts, wall, key: true, data: new Uint8Array(0) };
};

test.for([
  ['goes along with the camera', [0, 1000, 3000], [0, 1000, 3000]],
  ['is put right little by little where the first packets came late', [1200, 1000, 3000], [1200, 2198, 4194]],
  ['and the other way round', [0, 1001, 3500], [0, 1001, 3005]],
  ['follows at once where the clock of the machine is set', [0, 1_000_000, 1_002_000], [0, 1_000_000, 1_002_000]],
] as const)('it %s', ([, walls, told]) => {
  const clock = new SegmentClock();
  expect([0, 1, 3].map((seconds, i) => clock.begins(at(seconds, walls[i] ?? 0), 1000))).toEqual(told);
});

test('what begins before all that is known is told by the oldest', () => {
  const clock = new SegmentClock();
  clock.begins(at(10, 5000), 1000);
  expect(clock.wallMsOf(at(9, 0), 1000)).toBe(4000);
});
