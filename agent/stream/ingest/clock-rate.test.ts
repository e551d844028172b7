import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { ClockRate } from './clock-rate.ts';

const RATE = 90_000;
const FRAME_MS = 40;

interface Arrival {
  readonly capturedMs: number;
  readonly arrivedMs: number;
  /** From the last packet before. */
  readonly idleMs: number;
}

/** @param delayMs of the picture captured then; pictures keep their order, and each takes `sendMs` to arrive */
function arrivals(seconds: number, delayMs: (capturedMs: number) => number, frameMs = FRAME_MS, sendMs = 3): Arrival[] {
  let freeMs = 0;
  return Array.from({ length: (seconds * 1000) / frameMs }, (_, i) => {
    const capturedMs = i * frameMs;
    const arrivedMs = Math.max(freeMs, capturedMs + delayMs(capturedMs));
    const idleMs = arrivedMs - freeMs;
    freeMs = arrivedMs + sendMs;
    return { capturedMs, arrivedMs, idleMs };
  });
}

/** The factor after each picture. */
function factors(of: readonly Arrival[], ticksOf: (capturedMs: number) => number): number[] {
  const rate = new ClockRate(RATE);
  let newest = Number.NEGATIVE_INFINITY;
  return of.map(({ capturedMs, arrivedMs, idleMs }) => {
    const ticks = Math.round(ticksOf(capturedMs));
    if (ticks > newest) {
      newest = ticks;
      rate.push(ticks, arrivedMs, idleMs);
    }
    return rate.factor;
  });
}

const right = (capturedMs: number) => 1e9 + capturedMs * 90;
const steady = () => 5;
const jittery = (seed: number, jitterMs: number) => {
  const next = random(seed);
  return () => 5 + next() * jitterMs;
};
/** Sometimes late by up to `heldMs`, then all at once. */
const stalling = (seed: number, heldMs: number) => {
  const next = random(seed);
  let untilMs = 0;
  return (capturedMs: number) => {
    untilMs = next() < 0.01 ? capturedMs + next() * heldMs : untilMs;
    return Math.max(5, untilMs - capturedMs);
  };
};

test.for<[camera: string, of: readonly Arrival[], ticksOf: (capturedMs: number) => number]>([
  ['on a steady network', arrivals(600, steady), right],
  ['with a clock 300 ppm fast', arrivals(600, jittery(1, 20)), (ms) => right(ms * 1.0003)],
  ['with a clock 300 ppm slow', arrivals(600, jittery(2, 20)), (ms) => right(ms * 0.9997)],
  ['with jitter of 30 ms', arrivals(600, jittery(3, 30)), right],
  ['with jitter of 300 ms', arrivals(600, jittery(4, 300)), right],
  ['on Wi-Fi that stalls for up to 3 s', arrivals(600, stalling(5, 3_000)), right],
  ['that begins with a burst of 10 s', arrivals(60, (ms) => Math.max(5, 10_000 - ms)), right],
  ['whose network becomes slower and recovers', arrivals(120, (ms) => 5 + 800 * Math.sin(ms / 9_000) ** 2), right],
  ['that was silent for 5 s', arrivals(60, steady).filter((_, i) => i < 500 || i > 625), right],
  [
    'whose clock stood still for 5 s',
    arrivals(60, steady),
    (ms) => right(ms < 20_000 ? ms : Math.max(20_000, ms - 5_000)),
  ],
  ['whose clock jumps by an hour', arrivals(60, steady), (ms) => right(ms < 20_000 ? ms : ms + 3_600_000)],
  ['with one picture a second', arrivals(600, jittery(6, 50), 1_000), right],
  ['with one picture in ten seconds', arrivals(600, jittery(7, 50), 10_000), right],
  [
    'with timestamps to the tenth of a second',
    arrivals(600, jittery(8, 10)),
    (ms) => right(Math.floor(ms / 100) * 100),
  ],
  ['behind a link with half of its bit rate, which fills a buffer', arrivals(30, steady, FRAME_MS, 80), right],
  [
    'with 10 small pictures a second that arrive 3 s late, 10 ms apart',
    arrivals(60, (ms) => (ms > 20_000 && ms < 23_000 ? 23_000 - ms : 5), 100, 10).map((one) => ({
      ...one,
      idleMs: 10,
    })),
    right,
  ],
  [
    'with 15 small pictures a second that begins with 2 s in 0.2 s',
    arrivals(60, (ms) => Math.max(5, 2_000 - ms), 1000 / 15, 6.5).map((one) => ({ ...one, idleMs: 6.5 })),
    right,
  ],
  [
    'that goes from 25 to 5 pictures a second and back',
    arrivals(600, jittery(10, 40)).filter(({ capturedMs }) => capturedMs % 120_000 < 60_000 || capturedMs % 200 === 0),
    right,
  ],
  ['whose network carries half of what it sends', arrivals(120, jittery(9, 20)), (ms) => 45 * ms],
  ['with B-frames', arrivals(600, jittery(9, 20)), (ms) => right(ms + ((ms / 40) % 3 === 0 ? 80 : -40))],
])('a camera %s keeps its own times', ([, of, ticksOf]) => {
  expect(new Set(factors(of, ticksOf))).toEqual(new Set([1]));
});

test.for<[clock: string, ticksPerMs: number, decidedMs: number, jitterMs: number]>([
  ['16 % slow', 90 * 0.84, 5_000, 10],
  ['16 % fast', 90 * 1.16, 5_000, 10],
  ['8 % slow', 90 * 0.92, 35_000, 10],
  ['3 % slow', 90 * 0.97, 70_000, 10],
  ['16 % slow on a bad network', 90 * 0.84, 15_000, 60],
  ['in milliseconds', 1, 500, 10],
  ['in milliseconds on a bad network', 1, 1_000, 60],
  ['in units of 8,000 Hz', 8, 500, 10],
  ['in microseconds', 1_000, 1_500, 10],
])('a clock that counts %s is found', ([, ticksPerMs, decidedMs, jitterMs]) => {
  const all = factors(arrivals(120, jittery(3, jitterMs)), (ms) => 77_000 + ms * ticksPerMs);
  const factor = 90 / ticksPerMs;
  expect(Math.abs((all[Math.round(decidedMs / FRAME_MS)] as number) / factor - 1)).toBeLessThan(0.05);
  expect(Math.abs((all.at(-1) as number) / factor - 1)).toBeLessThan(0.004);
});

test('a clock that was wrong and is put right is found right again', () => {
  const all = factors(arrivals(120, steady), (ms) => (ms < 30_000 ? ms : 30_000 + (ms - 30_000) * 90));
  expect(all[700]).toBe(90);
  expect(all.at(-1)).toBe(1);
});
