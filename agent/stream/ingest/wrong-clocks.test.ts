import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { random } from '../../../test/support/base/random.ts';
import { Timeline } from './timeline.ts';
import type { TrackTimeline } from './track-timeline.ts';

/** Times of units that come each 40 ms, in milliseconds of media. */
function spreadTimes(
  timestampOf: (i: number) => number,
  pictures: number,
  lateMs: (i: number) => number = () => 0,
): { times: number[]; track: TrackTimeline } {
  const timeline = new Timeline(new FakeClock(), false, true);
  const track = timeline.addTrack(90_000, true);
  let lastDts = Number.NEGATIVE_INFINITY;
  const times = Array.from({ length: pictures }, (_, i) => {
    const atMs = i * 40 + lateMs(i);
    const ticks = track.arrive(timestampOf(i), atMs);
    // As `DecodeTimes` does it.
    const dts = Math.max(ticks, lastDts + 1);
    lastDts = dts;
    if (i === 0) {
      timeline.open(track.captureMs(ticks));
    }
    return track.timeOf(dts + track.spread(dts, dts, atMs)) / 90;
  });
  return { times, track };
}

test.for<[quirk: string, timestampOf: (i: number) => number, worstMs: number, fault: string | undefined]>([
  ['are right', (i) => 3600 * i, 0, undefined],
  ['never change', () => 7, 1, 'timestamps do not change'],
  ['count milliseconds', (i) => 40 * i, 400, 'clock counts 1000 in a second'],
  ['run 16 % slow', (i) => 3024 * i, 700, 'clock counts 75600 in a second'],
  ['are shared by two pictures now and then', (i) => 3600 * (i % 7 === 3 ? i - 1 : i), 1, undefined],
  ['change once a second', (i) => 90_000 * Math.floor(i / 25), 1, undefined],
])('media time of a camera whose timestamps %s follows arrival', ([, timestampOf, worstMs, fault]) => {
  const { times, track } = spreadTimes(timestampOf, 1_500);
  const offMs = times.map((time, i) => Math.abs(time - 40 * i));
  expect(Math.max(...offMs)).toBeLessThanOrEqual(worstMs);
  expect(times.every((time, i) => i === 0 || time > (times[i - 1] as number))).toBe(true);
  expect(track.fault).toBe(fault);
  expect(track.jumps).toBe(0);
});

test('a wrong clock is found also if the end of each picture arrives with the start of the next', () => {
  const track = new Timeline(new FakeClock(), false, true).addTrack(90_000, true);
  for (let i = 0; i < 25; i += 1) {
    track.arrive(77_000 + i * 40, i * 40);
    track.arrive(77_000 + i * 40, i * 40 + 39.9);
  }
  expect(track.fault).toBe('clock counts 1000 in a second');
});

test('timestamps that change once a second, on a network that holds some pictures up, never lead ahead', () => {
  const { times } = spreadTimes(
    (i) => 90_000 * Math.floor(i / 25),
    500,
    (i) => (i % 25 === 24 || i % 7 === 3 ? 44 : 4 * ((i + 1) % 2)),
  );
  expect(Math.max(...times.map((time, i) => Math.abs(time - 40 * i)))).toBeLessThan(60);
  expect(times.every((time, i) => i === 0 || time > (times[i - 1] as number))).toBe(true);
});

test.for([
  ['without a pause, of a camera that never sets the marker', 1, () => true],
  ['with a pause, of a camera that sets the marker', 13, (packet: number) => packet === 0],
] as const)(
  'the packets of one picture have one time also where its timestamps never change: %s',
  ([, pauseMs, mayBegin]) => {
    const track = new Timeline(new FakeClock(), false, true).addTrack(90_000, true);
    track.arrive(7, 0);
    let worst = 0;
    for (let i = 1; i < 1_000; i += 1) {
      // The second of three packets arrives after five seconds with one timestamp.
      const ticks = [0, 1, 2].map((n) => track.arrive(7, i * 40 + (n - 1) * pauseMs, mayBegin(n)));
      worst = Math.max(worst, (ticks[2] as number) - (ticks[0] as number));
    }
    expect(worst).toBe(0);
  },
);

test.for([
  ['milliseconds', 1],
  ['units of 8,000 Hz', 8],
] as const)('a clock that counts %s never gets more than a second ahead on a network that stalls', ([, ticksPerMs]) => {
  let aheadMs = 0;
  for (let seed = 1; seed <= 40; seed += 1) {
    const next = random(seed);
    const track = new Timeline(new FakeClock(), false, true).addTrack(90_000, true);
    const first = track.arrive(77_000, 0);
    let stalledUntilMs = 0;
    let arrivedMs = 0;
    for (let capturedMs = 40; capturedMs < 9_000; capturedMs += 40) {
      stalledUntilMs = next() < 0.08 ? capturedMs + next() * 600 : stalledUntilMs;
      arrivedMs = Math.max(arrivedMs + 0.5, capturedMs + next() * 30, stalledUntilMs);
      const ticks = track.arrive(77_000 + capturedMs * ticksPerMs, arrivedMs);
      aheadMs = Math.max(aheadMs, (ticks - first) / 90 - capturedMs);
    }
  }
  expect(aheadMs).toBeLessThan(1_000);
});
