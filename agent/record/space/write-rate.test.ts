import { expect, test } from 'vitest';
import { forecast, WriteRate } from './write-rate.ts';

const DAY_MS = 86_400_000;
const GB = 1e9;

/** Checks a disk every five seconds, with this much written and deleted. */
function observe(
  rate: WriteRate,
  fromMs: number,
  forMs: number,
  startFreeBytes: number,
  writtenPerDay: number,
): number {
  let freeBytes = startFreeBytes;
  for (let ms = fromMs; ms <= fromMs + forMs; ms += 5_000) {
    rate.add(ms, freeBytes);
    freeBytes -= (writtenPerDay * 5_000) / DAY_MS;
  }
  return freeBytes;
}

test('a forecast needs ten minutes of observation', () => {
  const rate = new WriteRate();
  observe(rate, 0, 9 * 60_000, 100 * GB, 40 * GB);
  expect(rate.writtenBytesPerDay).toBeUndefined();
  observe(rate, 9 * 60_000 + 5_000, 60_000, 99.7 * GB, 40 * GB);
  expect((rate.writtenBytesPerDay ?? 0) / GB).toBeGreaterThan(30);
});

test('deleted space counts as written but not as growth', () => {
  const rate = new WriteRate();
  for (let ms = 0; ms <= 3_600_000; ms += 10_000) {
    rate.add(ms, 50 * GB);
    rate.freed(10_000_000);
  }
  expect(rate.writtenBytesPerDay).toBeCloseTo(86.4 * GB, -8);
  expect(rate.grownBytesPerDay).toBe(0);
});

test('a disk fills as fast as in two checks in a row, for a minute; neither a short copy nor space that shows late counts', () => {
  const rate = new WriteRate();
  let ms = 0;
  const check = (freeBytes: number): number => {
    rate.add(ms, freeBytes);
    ms += 5_000;
    return rate.fillingBytesPerSecond;
  };
  check(50 * GB);
  expect(check(49 * GB)).toBe(0);
  expect(check(49 * GB)).toBe(0);
  rate.freed(20 * GB);
  expect([check(49 * GB), check(69 * GB)]).toEqual([0, 0]);
  expect([check(68 * GB), check(66 * GB)]).toEqual([0, GB / 5]);
  for (let i = 0; i < 11; i += 1) {
    expect(check(66 * GB)).toBe(GB / 5);
  }
  expect(check(66 * GB)).toBe(0);
});

test('only the last day counts', () => {
  const rate = new WriteRate();
  const left = observe(rate, 0, DAY_MS / 4, 500 * GB, 400 * GB);
  observe(rate, DAY_MS / 4 + 5_000, 1.2 * DAY_MS, left, 10 * GB);
  expect((rate.writtenBytesPerDay ?? 0) / GB).toBeCloseTo(10, 0);
});

test('two checks in quick succession yield no rate', () => {
  const rate = new WriteRate();
  rate.add(0, 100 * GB);
  rate.add(5_000, 100 * GB - 5_000_000);
  rate.add(5_001, 99 * GB);
  expect(rate.recentBytesPerSecond).toBe(1_000_000);
});

const rateOf = (written: number, grown: number) => ({ writtenBytesPerDay: written * GB, grownBytesPerDay: grown * GB });
const facts = {
  freeBytes: 100 * GB,
  minFreeBytes: 0,
  stopBytes: 10 * GB,
  oldestAgeMs: 0,
  ageLimitMs: undefined,
};

test('a disk that nothing empties is full when its space is written', () => {
  expect(forecast({ ...facts, rate: rateOf(30, 30) })).toEqual({ fullInDays: 3, keepsDays: undefined });
});

test('recordings that expire in time do not fill the disk, though it grows at first', () => {
  const ageLimitMs = 2 * DAY_MS;
  expect(forecast({ ...facts, ageLimitMs, rate: rateOf(30, 30) })).toEqual({ fullInDays: undefined, keepsDays: 2 });
});

test('recordings kept for longer than the space suffices fill the disk', () => {
  const ageLimitMs = 7 * DAY_MS;
  expect(forecast({ ...facts, ageLimitMs, rate: rateOf(30, 30) }).fullInDays).toBe(3);
  const oldestAgeMs = 6 * DAY_MS;
  expect(forecast({ ...facts, ageLimitMs, oldestAgeMs, rate: rateOf(30, 30) }).fullInDays).toBeUndefined();
});

test('a disk that is kept from filling up reaches back as far as its recordings and its space go', () => {
  const minFreeBytes = 40 * GB;
  const oldestAgeMs = 5 * DAY_MS;
  const kept = { ...facts, minFreeBytes, oldestAgeMs };
  expect(forecast({ ...kept, rate: rateOf(30, 30) })).toEqual({ fullInDays: undefined, keepsDays: 7 });
  expect(forecast({ ...kept, freeBytes: 39 * GB, rate: rateOf(30, 0) }).keepsDays).toBe(5);
  expect(forecast({ ...kept, ageLimitMs: 3 * DAY_MS, rate: rateOf(30, 30) }).keepsDays).toBe(3);
});

test('an unknown or unused disk has no forecast', () => {
  const unknown = { writtenBytesPerDay: undefined, grownBytesPerDay: undefined };
  for (const rate of [unknown, rateOf(0, 0)]) {
    expect(forecast({ ...facts, rate })).toEqual({ fullInDays: undefined, keepsDays: undefined });
  }
});
