import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { describeWith } from '../../test/peers/programs/peers.ts';
import { readTimeBar } from '../../test/support/media/time-bar.ts';
import { H264Encoder } from '../media/h264/encode/encoder.ts';
import type { Frame } from '../media/h264/encode/frame.ts';
import { Picture } from './picture.ts';

const SIZES = [
  ['main', 640, 360],
  ['sub', 320, 180],
] as const;
const FPS = 15;
const START_MS = Date.UTC(2026, 10, 20, 23, 59, 58, 640);
const START_CODE = Uint8Array.of(0, 0, 0, 1);

/** The visible part of a frame as ffmpeg writes yuv420p. */
function planes(frame: Frame): Uint8Array[] {
  const lines: Uint8Array[] = [];
  const add = (plane: Uint8Array, width: number, height: number, stride: number) => {
    for (let y = 0; y < height; y += 1) {
      lines.push(plane.slice(y * stride, y * stride + width));
    }
  };
  add(frame.luma, frame.width, frame.height, frame.stride);
  add(frame.cb, frame.width / 2, frame.height / 2, frame.stride / 2);
  add(frame.cr, frame.width / 2, frame.height / 2, frame.stride / 2);
  return lines;
}

function encodeClip(width: number, height: number, count: number) {
  const encoder = new H264Encoder(width, height, FPS);
  const picture = new Picture(width, height);
  const stream: Uint8Array[] = [START_CODE, encoder.sps, START_CODE, encoder.pps];
  const drawn: Uint8Array[] = [];
  const sizes: number[] = [];
  for (let i = 0; i < count; i += 1) {
    picture.draw(START_MS + Math.round((i * 1000) / FPS));
    const unit = encoder.encode(picture.frame, i % 20 === 0);
    stream.push(START_CODE, unit.subarray(4));
    drawn.push(...planes(picture.frame));
    sizes.push(unit.length);
  }
  return { stream: Buffer.concat(stream), drawn: Buffer.concat(drawn), sizes };
}

test.for(SIZES)('the %s picture shows its time to the millisecond', ([, width, height]) => {
  const { frame } = new Picture(width, height);
  expect(readTimeBar(frame.luma, width, height, frame.stride)).toBeUndefined();
  const picture = new Picture(width, height);
  for (const ms of [START_MS, START_MS + 1, START_MS + 86_400_000, 2 ** 41 - 1, 2 ** 41, 1]) {
    picture.draw(ms);
    expect(readTimeBar(picture.frame.luma, width, height, picture.frame.stride)).toBe(ms);
  }
});

test('drawing over an old moment leaves the same picture as drawing on a new one', () => {
  const reused = new Picture(640, 360);
  reused.draw(START_MS);
  reused.draw(START_MS + 71_234);
  const fresh = new Picture(640, 360);
  fresh.draw(START_MS + 71_234);
  expect(Buffer.compare(Buffer.concat(planes(reused.frame)), Buffer.concat(planes(fresh.frame)))).toBe(0);
});

test('a changed macroblock is a marked one', () => {
  const picture = new Picture(640, 360);
  const { frame } = picture;
  picture.draw(START_MS);
  for (let i = 1; i <= 30; i += 1) {
    frame.settle();
    const before = frame.luma.slice();
    picture.draw(START_MS + i * 67);
    const moved = new Set<number>();
    for (let at = 0; at < before.length; at += 1) {
      if (before[at] !== frame.luma[at]) {
        moved.add((Math.floor(at / frame.stride) >> 4) * frame.columns + ((at % frame.stride) >> 4));
      }
    }
    expect([...moved].filter((address) => frame.changed[address] === 0)).toEqual([]);
    expect(moved.size).toBeGreaterThan(0);
  }
});

test('a picture after another costs a small part of a key picture', () => {
  for (const [, width, height] of SIZES) {
    const { sizes } = encodeClip(width, height, 20);
    const [key = 0, ...others] = sizes;
    expect(key).toBeLessThan(80_000);
    expect(Math.max(...others)).toBeLessThan(key / 4);
  }
});

describeWith(['ffmpeg'], 'ffmpeg decodes the demo camera', () => {
  test.for(SIZES)('every picture of %s decodes to exactly the drawn one', ([, width, height]) => {
    const { stream, drawn } = encodeClip(width, height, 45);
    const args = ['-v', 'warning', '-f', 'h264', '-i', '-', '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-'];
    const decoded = spawnSync('ffmpeg', args, { input: stream, maxBuffer: 1 << 26 });
    expect(decoded.stderr.toString()).toBe('');
    expect(decoded.stdout.length).toBe(drawn.length);
    expect(Buffer.compare(decoded.stdout, drawn)).toBe(0);
  });

  test.for([
    ['320x180', 320, 180],
    ['854x480', 854, 480],
    ['200x112', 200, 112],
  ] as const)('the time is readable after scaling and lossy compression to %s', ([size, width, height]) => {
    const { stream } = encodeClip(640, 360, 6);
    const lossy = ['-s', size, '-c:v', 'mpeg4', '-q:v', '12', '-f', 'avi', '-'];
    const worn = spawnSync('ffmpeg', ['-v', 'error', '-f', 'h264', '-i', '-', ...lossy], { input: stream });
    const args = ['-v', 'error', '-i', '-', '-f', 'rawvideo', '-pix_fmt', 'gray', '-'];
    const grey = spawnSync('ffmpeg', args, { input: worn.stdout, maxBuffer: 1 << 26 }).stdout;
    const times = [0, 1, 2, 3, 4, 5].map((i) =>
      readTimeBar(grey.subarray(i * width * height, (i + 1) * width * height), width, height, width),
    );
    expect(times).toEqual([0, 1, 2, 3, 4, 5].map((i) => START_MS + Math.round((i * 1000) / FPS)));
  });
});
