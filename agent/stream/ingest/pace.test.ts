import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { SenderPace, TrackPace } from './pace.ts';

const HOUR_MS = 3_600_000;

/** The largest lead of a sender, when `arrivalOf` gives the arrival of the picture of a media time. */
function maxAhead(durationMs: number, mediaOf: (i: number) => number, arrivalOf: (mediaMs: number) => number): number {
  const pace = new TrackPace();
  let maxMs = 0;
  let atMs = 0;
  for (let i = 0; i * 40 < durationMs; i += 1) {
    const mediaMs = mediaOf(i);
    // TCP: nothing overtakes.
    atMs = Math.max(atMs, arrivalOf(mediaMs));
    pace.push(mediaMs, atMs);
    maxMs = Math.max(maxMs, pace.surplusMs(atMs));
  }
  return maxMs;
}

test('a burst is ahead by its duration, less the elapsed time', () => {
  const pace = new TrackPace();
  for (let i = 0; i <= 50; i += 1) {
    pace.push(i * 40, 100);
  }
  expect(pace.surplusMs(100)).toBe(2_000);
  expect(pace.surplusMs(600)).toBeCloseTo(1_500, 0);
});

test('a clock that runs one per cent fast is never ahead', () => {
  expect(
    maxAhead(
      2 * HOUR_MS,
      (i) => i * 40,
      (mediaMs) => mediaMs / 1.0099,
    ),
  ).toBeLessThan(1);
});

test('after a burst at the start, a clock that runs 100 ppm fast gets no further ahead', () => {
  const most = maxAhead(
    2 * HOUR_MS,
    (i) => i * 40,
    (mediaMs) => Math.max(0, mediaMs - 1_800) / 1.0001,
  );
  expect(most).toBeLessThan(1_850);
});

test('a late burst of a bad network is not ahead', () => {
  const next = random(4);
  let blockedUntilMs = 0;
  const arrival = (mediaMs: number) => {
    blockedUntilMs = next() < 0.002 ? mediaMs + 8_000 * next() : blockedUntilMs;
    return Math.max(mediaMs + 20, blockedUntilMs);
  };
  expect(maxAhead(HOUR_MS, (i) => i * 40, arrival)).toBeLessThan(1_000);
});

test('a sender is ahead when all its tracks are: one alone has wrong timestamps', () => {
  const pace = new SenderPace(2);
  let isAhead = false;
  for (let i = 0; i < 500; i += 1) {
    pace.push(0, i * 40, i * 40, 2_000);
    isAhead ||= pace.push(1, i * 80, i * 40, 2_000);
  }
  expect(isAhead).toBe(false);
  for (let i = 500; i < 600; i += 1) {
    pace.push(0, i * 40, 20_000, 2_000);
    isAhead ||= pace.push(1, i * 80, 20_000, 2_000);
  }
  expect(isAhead).toBe(true);
});

test('a track that has stopped does not hide that the others are ahead', () => {
  const pace = new SenderPace(3);
  pace.push(0, 0, 0, 2_000);
  let packets = 0;
  while (!pace.push(1, packets * 20, 0, 2_000)) {
    packets += 1;
  }
  expect(packets).toBeLessThan(300);
});
