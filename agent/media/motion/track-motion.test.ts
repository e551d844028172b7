import { expect, onTestFinished, test, vi } from 'vitest';
import { Picture } from '../../sources/demo/picture.ts';
import { H264Encoder } from '../h264/encode/encoder.ts';
import { H264BlockReader } from '../h264/macroblocks/block-reader.ts';
import type { H264Track } from '../sample/track.ts';
import { TrackMotion } from './track-motion.ts';

const FPS = 25;
const SECONDS = 2;

test.for([
  [640, 360, FPS],
  [1920, 1080, 12],
] as const)('of %d x %d the blocks of at most %d pictures a second are read', ([width, height, most]) => {
  const encoder = new H264Encoder(width, height, FPS);
  const picture = new Picture(width, height);
  const { sps, pps } = encoder;
  const track: H264Track = {
    ...{ kind: 'video', codec: 'h264', clockRate: 90_000, sps, pps: [pps], width, height, fps: FPS },
  };
  const read = vi.spyOn(H264BlockReader.prototype, 'read');
  onTestFinished(() => read.mockRestore());
  const motion = new TrackMotion(track);
  for (let i = 0; i < FPS * SECONDS; i += 1) {
    const timeMs = (i * 1000) / FPS;
    picture.draw(timeMs);
    motion.add(encoder.encode(picture.frame, i === 0), timeMs);
  }
  expect(read.mock.results.every(({ value }) => value === true)).toBe(true);
  expect(read.mock.calls.length).toBeGreaterThan((most * SECONDS) / 2);
  expect(read.mock.calls.length).toBeLessThanOrEqual(most * SECONDS);
});
