import { expect, test } from 'vitest';
import { FULL_PART, PartTarget, partTargetMs } from './part-target.ts';

test.for([
  ['25 pictures a second', 40, 200, 216],
  ['30 pictures a second', 100 / 3, 200, 216],
  ['29.97 pictures a second', 1001 / 30, 200, 217],
  ['15 pictures a second', 200 / 3, 200, 216],
  ['12.5 pictures a second', 80, 200, 260],
  ['one picture a second', 1000, 200, 1080],
  ['AAC at 48 kHz', 1024 / 48, 200, 208],
  ['Opus', 20, 200, 216],
  ['one picture in five seconds', 5000, 200, 5400],
] as const)('the part target of %s', ([, sampleMs, wantedMs, expected]) => {
  expect(partTargetMs(sampleMs, wantedMs)).toBe(expected);
});

test('parts of whole samples at any steady rate satisfy RFC 8216bis', () => {
  for (let sampleMs = 1; sampleMs < 2000; sampleMs += 0.7) {
    for (const wantedMs of [200, 333, 1000]) {
      const targetMs = partTargetMs(sampleMs, wantedMs);
      const samples = Math.floor(targetMs / sampleMs);
      expect(samples * sampleMs).toBeGreaterThanOrEqual(FULL_PART * targetMs);
    }
  }
});

test('the hold back stays at a small change and after a hiccup, and follows a camera that changed for good', () => {
  const target = new PartTarget(200);
  target.fix(40);
  const heldMs = [target.nextHoldBackMs()];
  for (const [number, partMs] of [200, 250, 300, 200, 400, 200, 200, 2_000, 200, 200].entries()) {
    target.made(partMs);
    heldMs.push(target.nextHoldBackMs());
    target.segmentEnded(number, number);
  }
  expect(heldMs).toEqual([648, 648, 648, 648, 648, 1296, 1296, 1296, 6480, 6480, 648]);
});

const rate = (perSecond: number) => ({ typicalTicks: 90_000 / perSecond, meanTicks: 90_000 / perSecond });

function fixed(perSecond: number): PartTarget {
  const target = new PartTarget(200);
  target.fix(1000 / perSecond);
  return target;
}

test.for([
  [25, 12, 180],
  [25, 12.5, 260],
  [25, 4, 270],
  [25, 1, 1080],
  [12, 25, 180],
  [12.5, 25, 216],
  [4, 25, 216],
  [1 / 3, 25, 216],
  [25, 30, 216],
  [30, 25, 216],
  [24, 25, 225],
  [7.5, 7.49, 288],
] as const)('at %d pictures a second, and then at %d, parts are made for %d ms', ([before, after, expected]) => {
  const target = fixed(before);
  target.refit(rate(after), 90_000);
  expect(target.ms).toBe(expected);
});

test('neither trembling nor lost pictures alone make another target', () => {
  const target = fixed(15);
  target.refit({ typicalTicks: 7000, meanTicks: 6000 }, 90_000);
  target.refit({ typicalTicks: 6000, meanTicks: 7000 }, 90_000);
  expect(target.ms).toBe(216);
});

test('the announced target rises at once with a longer part, and falls when no longer part is listed', () => {
  const target = fixed(25);
  target.made(200);
  target.segmentEnded(0, 0);
  target.made(600);
  expect([target.ms, target.announcedMs]).toEqual([216, 648]);
  target.segmentEnded(1, 0);
  target.segmentEnded(2, 1);
  expect(target.announcedMs).toBe(648);
  target.segmentEnded(3, 2);
  expect(target.announcedMs).toBe(216);
});

test('a lower target is announced when the longer parts have left the list', () => {
  const target = fixed(4);
  target.segmentEnded(0, 0);
  target.refit(rate(25), 90_000);
  expect([target.ms, target.announcedMs]).toEqual([216, 270]);
  target.segmentEnded(1, 1);
  expect(target.announcedMs).toBe(216);
});
