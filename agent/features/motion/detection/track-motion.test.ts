import { expect, onTestFinished, test, vi } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { H264Encoder } from '../../../media/h264/encode/encoder.ts';
import { H264BlockReader } from '../../../media/h264/macroblocks/block-reader.ts';
import type { H264Track } from '../../../media/sample/track.ts';
import { Picture } from '../../../sources/demo/picture.ts';
import { TrackMotion } from './track-motion.ts';

const FPS = 25;

interface Sight {
  readonly width: number;
  readonly height: number;
  readonly seconds: number;
  draw(picture: Picture, second: number): void;
}

/** @returns times in seconds at which blocks were read */
function readsOf({ width, height, seconds, draw }: Sight): number[] {
  const encoder = new H264Encoder(width, height, FPS);
  const picture = new Picture(width, height);
  const { sps, pps } = encoder;
  const track: H264Track = {
    ...{ kind: 'video', codec: 'h264', clockRate: 90_000, sps, pps: [pps], width, height, fps: FPS },
  };
  const read = vi.spyOn(H264BlockReader.prototype, 'read');
  onTestFinished(() => read.mockRestore());
  const motion = new TrackMotion(track);
  const times: number[] = [];
  for (let i = 0; i < FPS * seconds; i += 1) {
    draw(picture, i / FPS);
    motion.add(encoder.encode(picture.frame, i === 0), (i * 1000) / FPS);
    times.push(...(read.mock.calls.length > times.length ? [i / FPS] : []));
  }
  expect(read.mock.results.every(({ value }) => value === true)).toBe(true);
  return times;
}

test.for([
  [640, 360, 25],
  [1920, 1080, 12],
] as const)('of %d x %d the blocks of %d pictures a second are learnt', ([width, height, most]) => {
  const draw: Sight['draw'] = (picture, second) => picture.draw(second * 1000);
  const reads = readsOf({ width, height, seconds: 0.8, draw });
  expect(reads.length).toBeGreaterThan((most * 0.8) / 2);
  expect(reads.length).toBeLessThanOrEqual(most * 0.8);
});

test('of a still scene the blocks of four pictures a second are read', () => {
  const reads = readsOf({ width: 640, height: 360, seconds: 5, draw: () => undefined });
  const idle = reads.filter((second) => second >= 1);
  expect(idle.length).toBeGreaterThanOrEqual(10);
  expect(idle.length).toBeLessThanOrEqual(16);
});

test('of a scene whose noise is coded pictures are read rarely', () => {
  const next = random(3);
  const draw = ({ frame }: Picture) => {
    for (let at = 0; at < frame.luma.length; at += 1) {
      frame.luma[at] = 100 + 60 * next();
    }
    frame.changed.fill(1);
  };
  const reads = readsOf({ width: 320, height: 192, seconds: 7, draw });
  const idle = reads.filter((second) => second >= 1);
  expect(idle.length).toBeGreaterThanOrEqual(3);
  expect(idle.length).toBeLessThanOrEqual(5);
});
