import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../test/support/base/fake-clock.ts';
import { EventLoopWatch, type LoopHistogram, RESOLUTION_MS } from './event-loop.ts';

/** Histograms with values set by the test. */
function simulated() {
  const made: { isOn: boolean; count: number; maxMs: number; meanMs: number }[] = [];
  const make = (): LoopHistogram => {
    const histogram = { isOn: false, count: 5, maxMs: RESOLUTION_MS, meanMs: RESOLUTION_MS + 5 };
    made.push(histogram);
    return {
      enable: () => Object.assign(histogram, { isOn: true }),
      disable: () => Object.assign(histogram, { isOn: false }),
      get count() {
        return histogram.count;
      },
      get max() {
        return histogram.maxMs * 1e6;
      },
      get mean() {
        return histogram.meanMs * 1e6;
      },
      percentile: () => (RESOLUTION_MS + 10) * 1e6,
    } as unknown as LoopHistogram;
  };
  const clock = new FakeClock();
  const watch = new EventLoopWatch(clock, make);
  onTestFinished(() => watch.close());
  return { made, clock, watch };
}

test('the reported value is the delay of the loop beyond the sampling interval', () => {
  const { made, watch } = simulated();
  expect(watch.delay).toEqual({ samples: 5, meanMs: 5, p99Ms: 10, maxMs: 0 });
  Object.assign(made[0] ?? {}, { maxMs: RESOLUTION_MS + 700 });
  expect(watch.delay.maxMs).toBe(700);
  Object.assign(made[0] ?? {}, { count: 0, meanMs: Number.NaN });
  expect(watch.delay).toEqual({ samples: 0, meanMs: 0, p99Ms: 0, maxMs: 0 });
});

test('a stall is reported for ten to about twenty seconds', async () => {
  const { made, clock, watch } = simulated();
  await clock.advance(9_999);
  Object.assign(made[0] ?? {}, { maxMs: RESOLUTION_MS + 5_000 });
  await clock.advance(10_000);
  expect(watch.delay.maxMs).toBe(5_000);
  await clock.advance(2_000);
  expect(watch.delay.maxMs).toBe(0);
});

test('a stall across the end of a window is recorded by the old histogram', async () => {
  const { made, clock, watch } = simulated();
  await clock.advance(10_000);
  expect(made.map(({ isOn }) => isOn)).toEqual([true, true]);
  Object.assign(made[0] ?? {}, { maxMs: RESOLUTION_MS + 3_000 });
  await clock.advance(1_000);
  expect(made.map(({ isOn }) => isOn)).toEqual([false, true]);
  expect(watch.delay.maxMs).toBe(3_000);
});

test('the mean covers all samples of both windows', async () => {
  const { made, clock, watch } = simulated();
  await clock.advance(11_000);
  Object.assign(made[1] ?? {}, { count: 15, meanMs: RESOLUTION_MS + 1 });
  expect(watch.delay.meanMs).toBeCloseTo(2);
});

test('after close nothing is measured', async () => {
  const { made, clock, watch } = simulated();
  await clock.advance(10_000);
  watch.close();
  expect(made.map(({ isOn }) => isOn)).toEqual([false, false]);
});

test('a loop that was really held up shows it', async () => {
  const watch = new EventLoopWatch(new FakeClock());
  onTestFinished(() => watch.close());
  const holdUp = () => {
    const endMs = performance.now() + 2 * RESOLUTION_MS;
    while (performance.now() < endMs) {
      // On purpose.
    }
    return watch.delay.maxMs;
  };
  // A stall before its first sample is not measured.
  await expect.poll(holdUp).toBeGreaterThan(RESOLUTION_MS);
});
