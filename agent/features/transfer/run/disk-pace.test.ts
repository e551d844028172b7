import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { DiskPace } from './disk-pace.ts';

function start() {
  const clock = new FakeClock();
  const stop = new AbortController();
  let busy = 0;
  const pace = new DiskPace({ clock, signal: stop.signal, busyMs: () => busy });
  const waits = async (ms: number) => {
    let isOver = false;
    const done = pace.wait().then(() => {
      isOver = true;
    });
    await clock.advance(ms - 1);
    expect(isOver).toBe(false);
    await clock.advance(1);
    await done;
  };
  return {
    ...{ clock, stop, pace, waits },
    makeBusy: (ms: number) => {
      busy = ms;
    },
  };
}

test('a pause is a quarter of the work before it, and at most two seconds', async () => {
  const { clock, waits } = start();
  clock.skip(400);
  await waits(100);
  clock.skip(60_000);
  await waits(2_000);
});

test('short pauses are added up', async () => {
  const { clock, pace, waits } = start();
  for (let i = 0; i < 4; i += 1) {
    clock.skip(4);
    await pace.wait();
  }
  clock.skip(4);
  await waits(5);
});

test('a pause that ends late shortens the next ones', async () => {
  const clock = new FakeClock();
  const { signal } = new AbortController();
  const late = { monoMs: () => clock.monoMs(), sleep: async (ms: number) => clock.skip(ms + 10) };
  const pace = new DiskPace({ clock: late, signal, busyMs: () => 0 });
  let pausedMs = 0;
  for (let i = 0; i < 100; i += 1) {
    clock.skip(20);
    const nowMs = clock.monoMs();
    await pace.wait();
    pausedMs += clock.monoMs() - nowMs;
  }
  expect(pausedMs).toBeGreaterThanOrEqual(500);
  expect(pausedMs).toBeLessThan(515);
});

test('for ten seconds after a recorder has waited for its disk, a pause is as long as the work before it', async () => {
  const { clock, waits, makeBusy } = start();
  makeBusy(31);
  clock.skip(300);
  await waits(300);
  makeBusy(0);
  clock.skip(300);
  await waits(300);
  clock.skip(9_400);
  await waits(2_000);
  clock.skip(400);
  await waits(100);
});

test('nothing is done while a recorder waits for its disk', async () => {
  const { clock, pace, makeBusy } = start();
  makeBusy(201);
  let isOver = false;
  const done = pace.wait().then(() => {
    isOver = true;
  });
  await clock.advance(10_000);
  expect(isOver).toBe(false);
  makeBusy(0);
  await clock.advance(100);
  await done;
});

test('an end is noticed during a pause', async () => {
  const { clock, stop, pace } = start();
  clock.skip(1_000);
  const done = pace.wait();
  stop.abort();
  await expect(done).rejects.toThrow();
  await expect(pace.wait()).rejects.toThrow();
});
