import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { tinyVideo } from '../../../../test/support/media/tiny-h264.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import { SegmentBoundaries, type Step } from './segment-boundaries.ts';

const OPTIONS = { clockRate: 90_000, segmentDurationMs: 1000 };

/** The step before each picture, and the length of each segment in seconds. */
function follow(pictures: readonly Sample[], options = OPTIONS, longestGroupMs = 0) {
  const ends = new SegmentBoundaries({ ...options, longestGroupMs: () => longestGroupMs });
  const lengths: number[] = [];
  const steps: Step[] = [];
  const targets: number[] = [];
  let [startDts, last, hasBegun] = [0, pictures[0], false];
  const end = (sample: Sample) => {
    lengths.push(Number(((sample.dts - startDts) / 90_000).toFixed(3)));
    startDts = sample.dts;
    ends.ended(sample.dts, sample.key);
    targets.push(ends.targetDurationS);
  };
  for (const picture of pictures) {
    let step = ends.stepBefore(picture, false, false);
    steps.push(step);
    if (step === 'cutBefore') {
      end(last as Sample);
      step = ends.stepBefore(picture, false, false);
    }
    if (step === 'cut') {
      end(picture);
    } else if (step === 'break') {
      ends.broke();
      step = ends.stepBefore(picture, false, false);
      hasBegun = false;
    }
    if (step !== 'wait') {
      startDts = hasBegun ? startDts : picture.dts;
      hasBegun = true;
      ends.took(picture);
    }
    last = picture;
  }
  return { lengths, steps, targets };
}

/** Pictures at 20 a second in groups of these sizes. */
function grouped(groups: readonly number[]): Sample[] {
  let frame = 0;
  return groups.flatMap((length) => {
    frame += length;
    return tinyVideo(length, 20, length, (frame - length) * 4500);
  });
}

test.for([
  ['groups of 1 s', [20, 20, 20, 20], 1000, [1, 1, 1], 1],
  ['groups of half a second', [10, 10, 10, 10, 10], 500, [1, 1], 1],
  ['groups of 0.7 s', [14, 14, 14, 14, 14], 700, [1.4, 1.4], 1],
  ['groups of 1.05 s', [21, 21, 21, 21], 1050, [1.05, 1.05, 1.05], 1],
  ['groups of 2 s', [40, 40, 40], 2000, [1, 1, 2], 2],
  ['groups of 4 s', [80, 80, 80], 4000, [1, 1, 1, 1, 4], 4],
  ['an unexpected first group of 4 s', [80, 80, 80], 0, [1, 1, 1, 1, 4], 4],
  ['a group longer than was known', [20, 20, 60, 20, 20], 1000, [1, 1, 1.4, 1.4, 0.2, 1], 1],
] as const)('segments of %s', ([, groups, knownMs, expected, target]) => {
  const { lengths, targets } = follow(grouped(groups), OPTIONS, knownMs);
  expect(lengths).toEqual(expected);
  expect(targets.at(-1)).toBe(target);
});

test('a short rest of a GOP joins the next GOP, if both fit', () => {
  // The first segment takes 1 s of a group of 1.2 s; the target of 2 s has room for 0.2 s and 1.2 s.
  expect(follow(grouped([24, 24, 24, 24]), { ...OPTIONS, segmentDurationMs: 1000 }, 2000).lengths).toEqual([
    1, 1.4, 1.2,
  ]);
});

test('every start needs a key sample, and a long pause is followed by a new start', () => {
  const pictures = [...grouped([20, 40]), ...tinyVideo(30, 20, 20, 30 * 90_000)];
  const { steps } = follow(pictures.slice(5), OPTIONS, 2000);
  expect(steps.slice(0, 15)).toEqual(Array(15).fill('wait'));
  expect(steps.filter((step) => step === 'break').length).toBe(1);
});

/** Pictures this many seconds apart, each a key picture. */
function apart(seconds: readonly number[]): Sample[] {
  let atS = 0;
  return [0, ...seconds].map((interval) => {
    atS += interval;
    return { ...(tinyVideo(1, 20, 1)[0] as Sample), pts: atS * 90_000, dts: atS * 90_000 };
  });
}

test('pictures further apart than a segment may be are one break, and from the second on longer segments', () => {
  const day = Array(60).fill(0.05);
  const { steps, lengths, targets } = follow(apart([...day, 3, 3, 3.6, 2.9, ...day]), OPTIONS, 1000);
  expect(steps.filter((step) => step === 'break')).toHaveLength(1);
  expect(lengths.slice(3, 6)).toEqual([3, 3.6, 2.9]);
  expect([...new Set(targets)]).toEqual([1, 4]);
});

test('pauses with pictures between them are breaks, and the target is unchanged', () => {
  const { steps, targets } = follow(apart([...Array(40).fill(0.05), 3, 0.05, 0.05, 3, 0.05, 3, 0.05]), OPTIONS, 1000);
  expect(steps.filter((step) => step === 'break')).toHaveLength(3);
  expect(new Set(targets)).toEqual(new Set([1]));
});

test('nothing is waited for longer than 30 s, however often', () => {
  const { steps, targets } = follow(apart([...Array(40).fill(0.05), 31, 31, 31, 29, 29]), OPTIONS, 1000);
  expect(steps.filter((step) => step === 'break')).toHaveLength(3);
  expect(targets.at(-1)).toBe(30);
});

test('for any input, no rounded segment duration exceeds the target duration', () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const next = random(seed);
    const intervalTicks = 90_000 / (1 + 59 * next());
    let dts = 0;
    const pictures = Array.from({ length: 400 }, (_, i): Sample => {
      dts += Math.ceil(intervalTicks * (next() < 0.01 ? 20 * next() : 0.5 + next()));
      return { pts: dts, dts, wall: 0, key: i === 0 || next() < 0.02, data: new Uint8Array(0) };
    });
    const { lengths, targets } = follow(pictures, OPTIONS, next() < 0.5 ? 0 : 5000 * next());
    expect(lengths.every((seconds, i) => Math.round(seconds) <= (targets[i] ?? 0))).toBe(true);
    expect(targets.every((target, i) => target >= (targets[i - 1] ?? 1) && target <= 30)).toBe(true);
  }
});
