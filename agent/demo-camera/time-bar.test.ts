import { expect, test } from 'vitest';
import { random } from '../../test/support/base/random.ts';
import { readTimeBar } from '../../test/support/media/time-bar.ts';
import { Picture } from './picture.ts';

const MOMENT_MS = Date.UTC(2026, 10, 20, 7, 8, 9, 123);

function drawn() {
  const picture = new Picture(640, 360);
  picture.draw(MOMENT_MS);
  return picture.frame;
}

test('one cell that is wrong makes the bar unreadable, not another time', () => {
  for (let cell = 2; cell < 80; cell += 1) {
    const frame = drawn();
    const left = (cell % 40) * 16;
    const top = 320 + Math.floor(cell / 40) * 16;
    const isWhite = (frame.luma[top * frame.stride + left] ?? 0) > 128;
    frame.fill(left, top, 16, 16, [isWhite ? 16 : 235, 128, 128]);
    expect(readTimeBar(frame.luma, 640, 360, frame.stride)).toBeUndefined();
  }
});

test('noise of a quarter of the contrast does not hurt', () => {
  const frame = drawn();
  const next = random(7);
  const noisy = frame.luma.map((value) => Math.max(0, Math.min(255, value + Math.round((next() - 0.5) * 110))));
  expect(readTimeBar(noisy, 640, 360, frame.stride)).toBe(MOMENT_MS);
});

test('a picture without a bar, of noise or cut short has no time', () => {
  const next = random(3);
  expect(readTimeBar(new Uint8Array(640 * 360), 640, 360, 640)).toBeUndefined();
  expect(readTimeBar(new Uint8Array(100), 640, 360, 640)).toBeUndefined();
  for (let i = 0; i < 200; i += 1) {
    const grey = Uint8Array.from({ length: 80 * 45 }, () => next() * 256);
    expect(readTimeBar(grey, 80, 45, 80)).toBeUndefined();
  }
});
