import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { DecodeTimes, type PictureOrder } from './decode-times.ts';

const FRAME = 3600;
const UNKNOWN: PictureOrder = { maxReorderFrames: undefined, pocStep: 2, frameTicks: FRAME };

/** Runs frames [presentation number, starts order] through; picture order counts are `pocStep` per frame from the start of the order. */
function run(times: DecodeTimes, frames: readonly (readonly [number, boolean])[], pocStep: number | undefined) {
  let base = 0;
  const pictures = frames.map(([frame, startsOrder]) => {
    base = startsOrder ? frame : base;
    const poc = pocStep === undefined ? undefined : (frame - base) * pocStep;
    return { ticks: frame * FRAME, poc, startsOrder };
  });
  // As in `AccessUnitAssembler`: an undecided frame waits for the next one.
  const units: ({ pts: number; dts: number } | undefined)[] = [];
  const take = ({ ticks, poc, startsOrder }: (typeof pictures)[number]) =>
    units.push(times.next(ticks, poc, startsOrder) ? { pts: times.pts, dts: times.dts } : undefined);
  let waiting: (typeof pictures)[number] | undefined;
  for (const picture of pictures) {
    if (waiting) {
      times.decide(waiting.poc ?? 0, picture.poc, picture.startsOrder);
      take(waiting);
      waiting = undefined;
    }
    if (times.isUndecided(picture.poc, picture.startsOrder)) {
      waiting = picture;
    } else {
      take(picture);
    }
  }
  return units;
}

function expectInOrder(units: readonly ({ pts: number; dts: number } | undefined)[]): void {
  let last = Number.NEGATIVE_INFINITY;
  for (const unit of units) {
    expect(unit).toBeDefined();
    expect(unit?.dts).toBeGreaterThan(last);
    expect(unit?.dts).toBeLessThanOrEqual(unit?.pts ?? 0);
    last = unit?.dts ?? 0;
  }
}

/** Groups whose pictures come in the order of `pattern`, after their key picture. */
function groups(count: number, pattern: readonly number[]): [number, boolean][] {
  const size = pattern.length + 1;
  return Array.from({ length: count }, (_, group) => [
    [group * size, true] as [number, boolean],
    ...pattern.map((frame): [number, boolean] => [group * size + frame, false]),
  ]).flat();
}

test.for([
  ['one B-frame', [2, 1, 4, 3, 6, 5], 1],
  ['three B-frames', [4, 1, 2, 3, 8, 5, 6, 7], 1],
  ['B-frames that are referred to', [4, 2, 1, 3, 8, 6, 5, 7], 2],
  ['B-frames of three levels', [8, 4, 2, 1, 3, 6, 5, 7], 3],
  ['B-frames that begin late in the group', [1, 2, 3, 6, 4, 5], 1],
] as const)(
  'with %s every decode time exceeds the previous one and is no later than its picture',
  ([, pattern, depth]) => {
    const times = new DecodeTimes();
    times.configure(UNKNOWN);
    const units = run(times, groups(4, pattern), 2);
    expectInOrder(units);
    // Learned in the first group: from then on a key picture is decoded `depth` frames ahead of its time.
    const key = units[3 * (pattern.length + 1)];
    expect(((key?.pts ?? 0) - (key?.dts ?? 0)) / FRAME).toBe(depth);
  },
);

test.for([
  ['2', 2, UNKNOWN],
  ['1', 1, UNKNOWN],
  ['6', 6, UNKNOWN],
  ['18', 18, UNKNOWN],
  ['5', 5, { ...UNKNOWN, maxReorderFrames: 4 }],
  ['8 as in H.265', 8, { ...UNKNOWN, pocStep: 1, maxReorderFrames: 2 }],
  ['1 as in H.265', 1, { ...UNKNOWN, pocStep: 1, maxReorderFrames: 2 }],
  ['unknown', undefined, UNKNOWN],
] as const)(
  'without B-frames and a picture order step of %s, decode times are presentation times',
  ([, step, order]) => {
    const times = new DecodeTimes();
    times.configure(order);
    for (const unit of run(times, groups(3, [1, 2, 3, 4]), step)) {
      expect(unit?.dts).toBe(unit?.pts);
    }
  },
);

test('an encoder that counts in unusual steps is understood at once', () => {
  const times = new DecodeTimes();
  times.configure({ ...UNKNOWN, pocStep: 1, maxReorderFrames: 2 });
  const units = run(times, groups(3, [1, 2, 3, 4]), 4);
  expectInOrder(units);
  expect(units.every((unit) => unit?.dts === unit?.pts)).toBe(true);
});

test.for([
  ['one B-frame', [2, 1, 4, 3, 6, 5], 1],
  ['B-frames of three levels', [8, 4, 2, 1, 3, 6, 5, 7], 3],
] as const)('with %s and steps of 1 or 6 nothing is lost in the first group', ([, pattern, depth]) => {
  for (const step of [4, 6, 18]) {
    const times = new DecodeTimes();
    times.configure(UNKNOWN);
    const units = run(times, groups(3, pattern), step);
    expectInOrder(units);
    const key = units[2 * (pattern.length + 1)];
    expect(((key?.pts ?? 0) - (key?.dts ?? 0)) / FRAME).toBe(depth);
  }
});

test('a group of two pictures has no B-frames', () => {
  const times = new DecodeTimes();
  times.configure(UNKNOWN);
  for (const unit of run(times, groups(3, [1]), 6)) {
    expect(unit?.dts).toBe(unit?.pts);
  }
});

test('without picture order counts one group is given up to learn the depth', () => {
  const times = new DecodeTimes();
  times.configure(UNKNOWN);
  const first = run(times, groups(1, [2, 1]), undefined);
  expect(first[2]).toBeUndefined();
  times.restart();
  const later = groups(3, [2, 1, 4, 3]).map(([frame, isKey]): [number, boolean] => [frame + 3, isKey]);
  expectInOrder(run(times, later, undefined));
});

test.for([
  ['equal', 0],
  ['a little earlier', -10],
  ['two seconds earlier', -180_000],
] as const)('in a stream that cannot reorder, a time that is %s becomes one tick later', ([, step]) => {
  const times = new DecodeTimes();
  times.configure({ ...UNKNOWN, maxReorderFrames: 0 });
  times.next(1_000_000, undefined, true);
  expect(times.next(1_000_000 + step, undefined, false)).toBe(true);
  expect([times.pts, times.dts]).toEqual([1_000_001, 1_000_001]);
});

test.for([0, undefined])(
  'a time that is hours off for one frame is passed on, and the next one too (reorder limit %s)',
  (limit) => {
    const times = new DecodeTimes();
    times.configure({ ...UNKNOWN, maxReorderFrames: limit });
    const seen = [0, 3600, 900_000_000, 7200, 10_800].map((pts, i) => {
      times.next(pts, 2 * i, i === 0);
      return [times.pts, times.dts];
    });
    expect(seen.map(([pts]) => pts)).toEqual([0, 3600, 900_000_000, 7200, 10_800]);
    expect(seen.every(([pts, dts]) => (dts ?? 0) <= (pts ?? 0))).toBe(true);
  },
);

test('for any input, decode times are unique and not later than the presentation, except for jumps of ten seconds', () => {
  const next = random(3);
  for (let round = 0; round < 300; round += 1) {
    const times = new DecodeTimes();
    const limit = Math.floor(next() * 20);
    times.configure({
      maxReorderFrames: limit > 16 ? undefined : limit,
      pocStep: 1 + Math.floor(next() * 2),
      frameTicks: undefined,
    });
    let last = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < 60; i += 1) {
      const poc = next() < 0.1 ? undefined : Math.floor(next() * 200) - 100;
      if (!times.next(Math.floor(next() * 400_000), poc, next() < 0.1)) {
        times.restart();
        continue;
      }
      expect(times.dts).toBeLessThanOrEqual(times.pts);
      expect(times.dts).toBeGreaterThan(last);
      last = times.dts;
    }
  }
});
