import { expect, test } from 'vitest';
import { random } from '../../../../test/random.ts';
import type { Sample } from '../../../media/sample.ts';
import { type CutOptions, CutRules } from './cut-rules.ts';

const RATE = 90_000;
const OPTIONS: CutOptions = {
  clockRate: RATE,
  segmentDurationMs: 1000,
  longestGroupMs: undefined,
  cutsFirstGroup: true,
};

const at = (seconds: number, key: boolean): Sample => {
  const dts = Math.round(seconds * RATE);
  return { pts: dts, dts, wall: 0, key, data: new Uint8Array(1) };
};

/** Lengths of the segments, in seconds, with `!` behind one that ends with a break, and the target duration after each. */
function cuts(samples: readonly Sample[], options: Partial<CutOptions> = {}, replayed = 0) {
  const rules = new CutRules({ ...OPTIONS, ...options });
  const lengths: string[] = [];
  const targets: number[] = [];
  for (const [i, sample] of samples.entries()) {
    rules.isReplay = i < replayed;
    for (const cut of [rules.before(sample, false), i === replayed - 1 ? rules.afterLast() : undefined]) {
      if (cut) {
        lengths.push(`${Math.round(((cut.endDts - cut.startDts) / RATE) * 100) / 100}${cut.isBreak ? '!' : ''}`);
        targets.push(rules.targetDurationS);
      }
    }
  }
  return { lengths: lengths.join(' '), targets: targets.join(' ') };
}

/** @param groupS seconds between key frames */
const steady = (seconds: number, fps: number, groupS: number): Sample[] =>
  Array.from({ length: Math.round(seconds * fps) + 1 }, (_, i) => at(i / fps, i % Math.round(groupS * fps) === 0));

test.for([
  ['1 s', 1, '1 1 1 1 1 1', '1 1 1 1 1 1'],
  ['half a second', 0.5, '1 1 1 1 1 1', '1 1 1 1 1 1'],
  ['0.7 s', 0.7, '1.4 1.4 1.4 1.4', '2 2 2 2'],
  ['2 s', 2, '1 1 2 2', '1 2 2 2'],
  ['4 s', 4, '1 1 1 1', '1 1 1 4'],
] as const)('with groups of %s segments are whole groups, but for the first', ([, groupS, lengths, targets]) => {
  expect(cuts(steady(6, 20, groupS))).toEqual({ lengths, targets });
});

test('groups whose length is known have their target duration from the beginning', () => {
  expect(cuts(steady(12, 25, 4), { longestGroupMs: 4040, cutsFirstGroup: false })).toEqual({
    lengths: '4 4 4',
    targets: '4 4 4',
  });
});

test('a key frame that is a little early ends its segment', () => {
  const samples = Array.from({ length: 61 }, (_, i) =>
    at(i % 10 === 0 ? i / 10 - (i > 0 ? 0.015 : 0) : i / 10, i % 10 === 0),
  );
  expect(cuts(samples).lengths).toBe('0.99 1 1 1 1 1');
});

test('what is replayed is a segment at once, the rest of its group comes in pieces, and then come whole groups', () => {
  const samples = steady(10, 10, 4);
  expect(cuts(samples, {}, 25)).toEqual({ lengths: '2.5 1 0.5 4', targets: '3 3 4 4' });
  // Too short for one.
  expect(cuts(samples, {}, 5).lengths).toBe('1 1 1 1 4');
});

test('a group that is longer than any before is cut at the target duration', () => {
  const samples = [
    ...steady(4, 10, 2),
    ...steady(7, 10, 7)
      .slice(1)
      .map(({ dts }) => at(4 + dts / RATE, dts === 7 * RATE)),
  ];
  expect(cuts(samples)).toEqual({ lengths: '1 1 2 2 2 2 1', targets: '1 2 2 2 2 2 2' });
});

test('a camera that halts leaves a break behind it, whatever the length of its pause', () => {
  const before = steady(2.5, 10, 1);
  const after = steady(2, 10, 1).map(({ dts, key }) => at(7 + dts / RATE, key));
  expect(cuts([...before, ...after])).toEqual({ lengths: '1 1 0.6! 1 1', targets: '1 1 1 1 1' });
});

test('pictures that become rare are no break while they stay below the target duration', () => {
  const slow = Array.from({ length: 6 }, (_, i) => at(3 + i, i % 2 === 0));
  expect(cuts([...steady(2, 10, 2), ...slow], { longestGroupMs: 2000 }).lengths).toBe('1 1 1 2 2');
});

test('one picture in five seconds is a segment', () => {
  expect(cuts(steady(20, 0.2, 5), { longestGroupMs: 5000 })).toEqual({ lengths: '5 5 5 5', targets: '5 5 5 5' });
});

test('new parameter sets end the segment at their key frame', () => {
  const rules = new CutRules(OPTIONS);
  rules.before(at(0, true), false);
  rules.before(at(0.1, false), true);
  expect(rules.before(at(0.2, true), true)).toMatchObject({ endDts: 0.2 * RATE, isBreak: false });
});

test('segments are never empty: nothing ends before the first sample behind a replay', () => {
  const rules = new CutRules(OPTIONS);
  rules.isReplay = true;
  for (const sample of steady(1.9, 10, 2)) {
    rules.before(sample, false);
  }
  expect(rules.afterLast()).toBeDefined();
  expect(rules.afterLast()).toBeUndefined();
  expect(rules.before(at(2, true), true)).toBeUndefined();
});

test('whatever a camera does, no segment is longer than the target duration says, and that rises once at most', () => {
  const next = random(8216);
  for (let round = 0; round < 300; round += 1) {
    const fps = 0.3 + next() * 30;
    const groupS = 0.2 + next() * 8;
    const longestGroupMs = next() < 0.5 ? undefined : groupS * 1000 * (0.5 + next());
    const rules = new CutRules({ ...OPTIONS, longestGroupMs, cutsFirstGroup: next() < 0.5 });
    const replayed = Math.floor(next() * 50) - 25;
    const targets: number[] = [];
    let end = 0;
    let keyS = 0;
    for (let i = 0, seconds = 0; i < 400; i += 1) {
      const isKey = i === 0 || seconds - keyS >= groupS * (0.9 + next() * 0.2);
      keyS = isKey ? seconds : keyS;
      const sample = at(seconds, isKey);
      rules.isReplay = i <= replayed;
      for (const cut of [rules.before(sample, next() < 0.01), i === replayed ? rules.afterLast() : undefined]) {
        if (cut) {
          const lengthS = (cut.endDts - cut.startDts) / RATE;
          expect(lengthS).toBeGreaterThan(0);
          expect(Math.round(lengthS)).toBeLessThanOrEqual(rules.targetDurationS);
          expect(cut.startDts).toBeGreaterThanOrEqual(end);
          end = cut.endDts;
          targets.push(rules.targetDurationS);
        }
      }
      seconds += (0.5 + next()) / fps + (next() < 0.005 ? next() * 20 : 0);
    }
    expect(new Set(targets).size).toBeLessThanOrEqual(2);
  }
});
