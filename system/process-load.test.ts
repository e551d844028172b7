import { expect, test } from 'vitest';
import { FakeClock } from '../test/support/base/fake-clock.ts';
import { ProcessLoad } from './process-load.ts';

test('the load is that of the last ten to twenty seconds, of one processor', async () => {
  const clock = new FakeClock();
  let userMs = 0;
  const load = new ProcessLoad(clock, () => ({ user: userMs * 1000, system: 0 }));
  expect(load.read().cpuPercent).toBe(0);
  userMs += 5_000;
  await clock.advance(10_000);
  expect(load.read().cpuPercent).toBe(50);
  await clock.advance(10_000);
  expect(load.read().cpuPercent).toBe(0);
  userMs += 15_000;
  await clock.advance(10_000);
  expect(load.read().cpuPercent).toBe(150);
  await clock.advance(5_000);
  expect(load.read().cpuPercent).toBe(100);
  expect(load.read().memoryBytes).toBeGreaterThan(load.read().heapUsedBytes);
  load.close();
});
