// @also without-ffi in long

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { ScriptedCamera, ScriptedViewer } from '../../../../test/support/clients/webrtc/scripted-viewer.ts';
import { BitrateAdaptation, type LinkStatistics } from './bitrate-adaptation.ts';

const GOOD: LinkStatistics = {
  lost: 0,
  expected: 200,
  estimateBitsPerSecond: 3_000_000,
  roundTripMs: 20,
  isCongested: false,
  bitsPerSecond: 2_000_000,
  betterBitsPerSecond: 2_000_000,
};

/** Seconds from `startS` on, until the level changes. */
function secondsUntilChange(
  adaptation: BitrateAdaptation,
  statistics: LinkStatistics,
  startS: number,
  limitS = 1_000,
): number {
  for (let s = 1; s <= limitS; s += 1) {
    if (adaptation.tick(statistics, 1_000 * (startS + s))) {
      return s;
    }
  }
  return Number.POSITIVE_INFINITY;
}

/** Seconds: losses are summed over five, and a queue must last for three. */
test.for([
  ['more than a tenth of the packets', { lost: 25 }, 7],
  ['a third of the packets', { lost: 70 }, 4],
  ['a socket that takes no more', { isCongested: true }, 3],
  [
    'some loss with a full queue, and an estimate that agrees',
    { lost: 6, roundTripMs: 200, estimateBitsPerSecond: 1e6 },
    6,
  ],
  ['some loss with a full queue, and no estimate', { lost: 6, roundTripMs: 200, estimateBitsPerSecond: 0 }, 6],
  ['a queue of more than half a second', { roundTripMs: 700, estimateBitsPerSecond: 1e6 }, 5],
] as const)('%s: the quality is lowered', ([, signs, seconds]) => {
  const adaptation = new BitrateAdaptation(1, 0);
  expect(secondsUntilChange(adaptation, GOOD, 0, 10)).toBe(Number.POSITIVE_INFINITY);
  expect(secondsUntilChange(adaptation, { ...GOOD, ...signs }, 10)).toBe(seconds);
  expect(adaptation.level).toBe(1);
});

test.for([
  ['an estimate far below the stream', { estimateBitsPerSecond: 100_000 }],
  ['some loss, as radio has it', { lost: 10 }],
  ['some loss and a low estimate without a queue', { lost: 10, estimateBitsPerSecond: 1e6 }],
  ['a queue while the estimate is high', { lost: 10, roundTripMs: 200 }],
  ['a short queue', { roundTripMs: 300, estimateBitsPerSecond: 1e6 }],
] as const)('%s does not lower the level', ([, signs]) => {
  const adaptation = new BitrateAdaptation(1, 0);
  expect(secondsUntilChange(adaptation, { ...GOOD, roundTripMs: 20 }, 0, 10)).toBe(Number.POSITIVE_INFINITY);
  expect(secondsUntilChange(adaptation, { ...GOOD, ...signs }, 10, 60)).toBe(Number.POSITIVE_INFINITY);
});

test('a permanently longer round trip becomes the baseline after a while', () => {
  const adaptation = new BitrateAdaptation(1, 0);
  secondsUntilChange(adaptation, GOOD, 0, 10);
  secondsUntilChange(adaptation, { ...GOOD, roundTripMs: 150 }, 10, 60);
  const lossy = { ...GOOD, roundTripMs: 150, lost: 10, estimateBitsPerSecond: 1e6 };
  expect(secondsUntilChange(adaptation, lossy, 70, 60)).toBe(Number.POSITIVE_INFINITY);
});

test('a lost burst at the start does not lower the quality', () => {
  const adaptation = new BitrateAdaptation(1, 0);
  adaptation.tick({ ...GOOD, lost: 100 }, 1_000);
  adaptation.tick({ ...GOOD, lost: 100 }, 2_000);
  expect(secondsUntilChange(adaptation, GOOD, 2, 60)).toBe(Number.POSITIVE_INFINITY);
});

test('a single bad second does not lower the quality', () => {
  const adaptation = new BitrateAdaptation(1, 0);
  secondsUntilChange(adaptation, GOOD, 0, 10);
  expect(adaptation.tick({ ...GOOD, isCongested: true }, 11_000)).toBe(false);
  expect(secondsUntilChange(adaptation, GOOD, 11, 60)).toBe(Number.POSITIVE_INFINITY);
});

test('the level falls one at a time, and stays at the last', () => {
  const adaptation = new BitrateAdaptation(2, 0);
  const bad = { ...GOOD, lost: 50 };
  const levels = Array.from({ length: 60 }, (_, s) => {
    adaptation.tick(bad, 1_000 * s);
    return adaptation.level;
  });
  expect(new Set(levels)).toEqual(new Set([0, 1, 2]));
  expect(levels).toEqual(levels.toSorted());
  expect(levels.at(-1)).toBe(2);
});

test('losses that are reported after the step are those of before it', () => {
  const adaptation = new BitrateAdaptation(2, 0);
  secondsUntilChange(adaptation, GOOD, 0, 10);
  const stepS = 10 + secondsUntilChange(adaptation, { ...GOOD, lost: 120 }, 10);
  adaptation.tick({ ...GOOD, lost: 180 }, 1_000 * (stepS + 1));
  const quiet = { ...GOOD, expected: 60, estimateBitsPerSecond: 5_000 };
  expect(secondsUntilChange(adaptation, quiet, stepS + 1, 12)).toBe(Number.POSITIVE_INFINITY);
  expect(adaptation.level).toBe(1);
});

/** A viewer that was given less at second 20. */
function lowered(): BitrateAdaptation {
  const adaptation = new BitrateAdaptation(1, 0);
  for (let s = 1; s <= 20 && adaptation.level === 0; s += 1) {
    adaptation.tick({ ...GOOD, lost: s > 12 ? 50 : 0 }, 1_000 * s);
  }
  expect(adaptation.level).toBe(1);
  return adaptation;
}

test('after thirty quiet seconds the quality rises, after half of it if the estimate has room', () => {
  expect(secondsUntilChange(lowered(), { ...GOOD, estimateBitsPerSecond: 5_000 }, 20)).toBeLessThanOrEqual(31);
  expect(secondsUntilChange(lowered(), { ...GOOD, estimateBitsPerSecond: 5_000 }, 20)).toBeGreaterThanOrEqual(25);
  expect(secondsUntilChange(lowered(), { ...GOOD, estimateBitsPerSecond: 2_600_000 }, 20)).toBeLessThanOrEqual(15);
});

test('after each failed increase the next try waits twice as long, five minutes at most', () => {
  const adaptation = lowered();
  const quiet = { ...GOOD, estimateBitsPerSecond: 0 };
  const waits: number[] = [];
  let atS = 20;
  for (let i = 0; i < 8; i += 1) {
    const waited = secondsUntilChange(adaptation, quiet, atS);
    atS += waited;
    atS += secondsUntilChange(adaptation, { ...GOOD, lost: 50 }, atS);
    waits.push(waited);
  }
  expect(waits.slice(1, 4)).toEqual([60, 120, 240]);
  expect(waits.slice(4)).toEqual([300, 300, 300, 300]);
});

test('a step up that lasts makes the next try as soon as the first', () => {
  const adaptation = lowered();
  let atS = 20 + secondsUntilChange(adaptation, GOOD, 20);
  atS += secondsUntilChange(adaptation, { ...GOOD, lost: 50 }, atS);
  atS += secondsUntilChange(adaptation, { ...GOOD, estimateBitsPerSecond: 0 }, atS);
  expect(secondsUntilChange(adaptation, GOOD, atS, 90)).toBe(Number.POSITIVE_INFINITY);
  atS += 90;
  atS += secondsUntilChange(adaptation, { ...GOOD, lost: 50 }, atS);
  expect(secondsUntilChange(adaptation, { ...GOOD, estimateBitsPerSecond: 0 }, atS)).toBe(30);
});

test('a burst that is too much lowers the quality at once, but only from the full stream', () => {
  const adaptation = new BitrateAdaptation(2, 0);
  expect(adaptation.stepDown(300)).toBe(true);
  expect(adaptation.stepDown(400)).toBe(false);
  expect(adaptation.level).toBe(1);
  expect(new BitrateAdaptation(0, 0).stepDown(300)).toBe(false);
});

/** Rate in each second for a viewer whose RTCP was recorded. */
async function replay(name: string): Promise<string[]> {
  const lines = gunzipSync(readFileSync(`test/fixtures/rtcp/${name}.rtcp.gz`))
    .toString('latin1')
    .trimEnd()
    .split('\n');
  const [ssrc, startWallMs] = (lines[0] ?? '').split(' ').map(Number) as [number, number];
  const clock = new FakeClock();
  clock.stepWall(startWallMs - clock.wallMs());
  const camera = new ScriptedCamera(clock);
  const viewer = new ScriptedViewer(camera);
  viewer.start();
  const ours = viewer.video.ssrc.toString(16).padStart(8, '0');
  const compounds = lines.slice(1).map((line) => {
    const [atMs, bytes] = line.split(' ') as [string, string];
    return {
      atMs: Number(atMs),
      bytes: Buffer.from(bytes.replaceAll(ssrc.toString(16).padStart(8, '0'), ours), 'hex'),
    };
  });
  const shares: string[] = [];
  let next = 0;
  for (let i = 0; next < compounds.length; i += 1) {
    camera.picture(i % 50 === 0, i % 50 === 0 ? 40_000 : 10_200);
    await clock.advance(40);
    for (; next < compounds.length && (compounds[next]?.atMs ?? 0) <= clock.monoMs(); next += 1) {
      viewer.viewing.onRtcp(compounds[next]?.bytes as Buffer);
    }
    if (i % 25 === 24) {
      viewer.viewing.tick();
      shares.push(viewer.viewing.statistics.quality ?? '');
    }
    viewer.link.packets.length = 0;
  }
  expect(viewer.viewing.statistics.roundTripMs).toBeGreaterThan(0);
  return shares;
}

test.for(['quiet', 'air', 'bursts'])('Chromium on a network that is %s keeps the whole stream', async (name) => {
  const shares = await replay(name);
  expect(shares.length).toBeGreaterThan(16);
  expect(new Set(shares)).toEqual(new Set(['all']));
});

test.for([
  ['loses a fifth of the packets', 'heavy', 7],
  ['takes half of the stream', 'narrow', 7],
  ['takes a little less than the stream', 'tight', 4],
] as const)('Chromium on a network that %s gets key frames only, within seven seconds', async ([, name, fromS]) => {
  const shares = await replay(name);
  expect(shares.slice(0, fromS)).not.toContain('keyFrames');
  expect(shares.indexOf('keyFrames')).toBeGreaterThan(0);
  expect(shares.indexOf('keyFrames')).toBeLessThan(fromS + 7);
});
