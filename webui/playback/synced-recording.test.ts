import { expect, test } from 'vitest';
import { syncRate } from './synced-recording.tsx';

test('two pictures that drift apart come back into sync and keep it', () => {
  for (const startMs of [600, -600]) {
    let aheadMs = startMs;
    for (let i = 0; i < 60; i += 1) {
      aheadMs += 250 * ((syncRate(aheadMs, 1, true) ?? Number.NaN) - 1);
    }
    expect(Math.abs(aheadMs)).toBeLessThanOrEqual(60);
    expect(syncRate(aheadMs, 1, true)).toBe(1);
  }
});

test('a large difference is corrected by seeking, a small one only while paused', () => {
  expect(syncRate(-5_000, 1, true)).toBeUndefined();
  expect(syncRate(400, 1, false)).toBeUndefined();
  expect(syncRate(30, 1, false)).toBe(1);
});

test('at sixteen times the speed the tolerance is sixteen times as large', () => {
  expect(syncRate(900, 16, true)).toBe(1);
  expect(syncRate(5_000, 16, true)).toBeLessThan(1);
});
