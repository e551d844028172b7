import { expect, onTestFinished, test, vi } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { parsePolygon } from '../../../config/values/polygon.ts';
import { DEMO_MASKS } from '../../../demo-camera/motion-masks.ts';
import { Picture } from '../../../demo-camera/picture.ts';
import { H264Encoder } from '../../../media/h264/encode/encoder.ts';
import type { H264Track } from '../../../media/sample/track.ts';
import { BlockReader } from '../../../picture/block-reader.ts';
import { TrackMotion } from './track-motion.ts';

const FPS = 25;
const DEMO_FPS = 15;

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
  const read = vi.spyOn(BlockReader.prototype, 'read');
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

test.for([
  ['main', 640, 360],
  ['sub', 320, 180],
] as const)(
  'the train in the %s picture of the demo camera is a motion to the right at each minute, and nothing else is one',
  ([, width, height]) => {
    const encoder = new H264Encoder(width, height, DEMO_FPS);
    const { sps, pps } = encoder;
    const picture = new Picture(width, height);
    const motion = new TrackMotion({
      ...{ kind: 'video', codec: 'h264', clockRate: 90_000, sps, pps: [pps], width, height, fps: DEMO_FPS },
    });
    motion.rules = { sensitivity: 50, zones: [], masks: DEMO_MASKS.map(parsePolygon), minSize: 0 };
    const turns: unknown[] = [];
    for (let i = 0; i < 200 * DEMO_FPS; i += 1) {
      const ms = Math.round((i * 1000) / DEMO_FPS);
      picture.draw(ms + 40_000);
      if (motion.add(encoder.encode(picture.frame, i % 60 === 0), ms)) {
        turns.push([Math.floor(ms / 1000), motion.isMoving ? 'begins' : motion.area?.direction]);
      }
    }
    expect(turns).toEqual(
      [20, 80, 140].flatMap((second) => [
        [second, 'begins'],
        [second + 15, 'right'],
      ]),
    );
  },
);
