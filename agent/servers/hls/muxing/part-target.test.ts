import { expect, test } from 'vitest';
import { FULL_PART, partTargetMs } from './part-target.ts';

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

test('parts of whole samples at any steady rate are as long as the rules want', () => {
  for (let sampleMs = 1; sampleMs < 2000; sampleMs += 0.7) {
    for (const wantedMs of [200, 333, 1000]) {
      const targetMs = partTargetMs(sampleMs, wantedMs);
      const samples = Math.floor(targetMs / sampleMs);
      expect(samples * sampleMs).toBeGreaterThanOrEqual(FULL_PART * targetMs);
    }
  }
});
