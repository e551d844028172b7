import { expect, test } from 'vitest';
import { CaptureClock } from './live-fragments.ts';

const WALL_MS = 1_700_000_000_000;
const PICTURE_MS = 40;

test('pictures in decoding order have the same capture time', () => {
  const clock = new CaptureClock();
  // I P B B P B B: presentation positions in decoding order, 40 ms apart.
  const shown = [2, 5, 3, 4, 8, 6, 7, 11, 9, 10];
  const said = shown.map((place, i) => {
    const mediaS = (place * PICTURE_MS) / 1000;
    clock.onArrival(mediaS, WALL_MS + i * PICTURE_MS, i * PICTURE_MS);
    return clock.captureMs(mediaS) - mediaS * 1000;
  });
  const [, ...afterTheFirst] = said;
  // The least delayed picture is presented four positions before its arrival.
  expect(new Set(afterTheFirst)).toEqual(new Set([WALL_MS - 4 * PICTURE_MS]));
});

test('late arrivals do not move it, earlier ones do', () => {
  const clock = new CaptureClock();
  clock.onArrival(10, WALL_MS, 0);
  clock.onArrival(10.04, WALL_MS + 40 + 300, 340);
  expect(clock.captureMs(10.04)).toBe(WALL_MS + 40);
  clock.onArrival(10.08, WALL_MS + 70, 350);
  expect(clock.captureMs(10.08)).toBe(WALL_MS + 70);
});

test('a camera whose clock runs slower than the local one is followed', () => {
  const clock = new CaptureClock();
  // Far worse than any camera: each second takes 10 ms longer.
  for (let i = 0; i <= 60; i += 1) {
    clock.onArrival(i, WALL_MS + i * 1_010, i * 1_010);
  }
  const behindMs = WALL_MS + 60 * 1_010 - clock.captureMs(60);
  expect(behindMs).toBeGreaterThan(0);
  expect(behindMs).toBeLessThanOrEqual(100);
});

test('after a pause only new arrivals count', () => {
  const clock = new CaptureClock();
  clock.onArrival(1, WALL_MS, 0);
  clock.onArrival(2, WALL_MS + 60_000, 60_000);
  expect(clock.captureMs(2)).toBe(WALL_MS + 60_000);
});
