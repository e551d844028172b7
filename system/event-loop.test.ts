import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../test/fake-clock.ts';
import { EventLoopWatch, type LoopHistogram, RESOLUTION_MS } from './event-loop.ts';

/** Histograms that say what they are told to. */
function simulated() {
  const made: { isOn: boolean; maxMs: number }[] = [];
  const make = (): LoopHistogram => {
    const state = { isOn: false, maxMs: RESOLUTION_MS };
    made.push(state);
    const set = (isOn: boolean) => () => {
      state.isOn = isOn;
      return true;
    };
    return {
      ...{ enable: set(true), disable: set(false), count: 5 },
      get max() {
        return state.maxMs * 1e6;
      },
      mean: (RESOLUTION_MS + 5) * 1e6,
      percentile: () => (RESOLUTION_MS + 10) * 1e6,
    } as unknown as LoopHistogram;
  };
  return { made, make };
}

test('what is told is how late the loop was, beyond the time between two looks', async () => {
  const clock = new FakeClock();
  const { made, make } = simulated();
  const watch = new EventLoopWatch(clock, make);
  expect(watch.delay).toEqual({ meanMs: 5, p99Ms: 10, maxMs: 0 });
  Object.assign(made[0] ?? {}, { maxMs: RESOLUTION_MS + 700 });
  expect(watch.delay.maxMs).toBe(700);
  watch.close();
});

test('a halt is told for at least ten seconds and at most twenty', async () => {
  const clock = new FakeClock();
  const { made, make } = simulated();
  const watch = new EventLoopWatch(clock, make);
  await clock.advance(10_000);
  // Both see it.
  for (const one of made) {
    one.maxMs = RESOLUTION_MS + 5_000;
  }
  await clock.advance(9_999);
  expect(watch.delay.maxMs).toBe(5_000);
  await clock.advance(1);
  expect(watch.delay.maxMs).toBe(5_000);
  await clock.advance(10_000);
  expect(watch.delay.maxMs).toBe(0);
  expect(made.map(({ isOn }) => isOn)).toEqual([false, false, true, true]);
  watch.close();
  expect(made.some(({ isOn }) => isOn)).toBe(false);
});

test('a loop that was really held up shows it', async () => {
  const watch = new EventLoopWatch(new FakeClock());
  onTestFinished(() => watch.close());
  const holdUp = () => {
    const endMs = performance.now() + 200;
    while (performance.now() < endMs) {
      // On purpose.
    }
    return watch.delay.maxMs;
  };
  // What comes before its first look it does not know.
  await expect.poll(holdUp).toBeGreaterThan(150);
});
