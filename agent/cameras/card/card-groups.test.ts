import { expect, test } from 'vitest';
import type { Track } from '../../media/sample/track.ts';
import type { ReplayTrack } from '../../sources/rtsp/replay/replay-track.ts';
import { CardGroups, type KnownTimes, keyDigestOf, releaseAll, TakenGroups } from './card-groups.ts';
import { Comparison } from './comparison.ts';
import type { CardGroup } from './gap-recorder.ts';

const RATE = 90_000;
const STEP_TICKS = RATE / 10;
const VIDEO: Track = {
  ...{ kind: 'video', codec: 'h264', clockRate: RATE, width: 160, height: 90, fps: 10 },
  ...{ sps: Uint8Array.of(0x67), pps: [Uint8Array.of(0x68)] },
};
const REPLAYED = {
  isVideo: true,
  times: { shiftMs: 0, unixMsOf: (ticks: number) => (ticks * 1_000) / RATE },
} as unknown as ReplayTrack;

/** Groups of a card whose clock is ours and begins at 0. */
function openGroups(untilMs: number, comparison = new Comparison(0), known?: KnownTimes) {
  const got: CardGroup[] = [];
  const taken = new TakenGroups();
  const groups = new CardGroups({
    ...{ gap: { fromMs: 0, untilMs }, originMs: 0, assumedMs: 0, known, comparison, mustMatch: false },
    ...{
      isOther: false,
      canRepeat: known === undefined,
      taken,
      isBehind: () => false,
      isLate: () => false,
      takesDamaged: () => false,
      take: (group: CardGroup) => got.push(group),
    },
  });
  groups.onTrack(REPLAYED, VIDEO);
  /** Ten pictures a second. */
  const send = (from: number, count: number, dataOf: (i: number) => Uint8Array, group = 10) => {
    for (let i = from; i < from + count; i += 1) {
      groups.onUnit(REPLAYED, i * STEP_TICKS, i * STEP_TICKS, i % group === 0, dataOf(i));
    }
  };
  return { groups, got, send, taken };
}

const LARGE = new Uint8Array(1 << 20);
const DARK = new Uint8Array(500);

test('groups that look the same at different times, as at night, are all taken', () => {
  const comparison = new Comparison(0);
  comparison.recorded(DARK, -1_000);
  comparison.recorded(DARK, 6_000);
  const { groups, got, send } = openGroups(5_000, comparison);
  send(0, 50, () => DARK);
  const last = groups.finish(true);
  expect([...got, ...(last ? [last] : [])].map(({ startMs }) => startMs)).toEqual([0, 1_000, 2_000, 3_000, 4_000]);
});

test('a group that was recorded is not taken again, within the jitter of times', () => {
  const comparison = new Comparison(0);
  comparison.recorded(DARK, 2_050);
  const { groups, got, send } = openGroups(5_000, comparison);
  send(0, 40, () => DARK);
  groups.finish(true);
  expect(got.map(({ startMs }) => startMs)).toEqual([0, 1_000]);
});

test('what a group has after the gap is left out', () => {
  const { groups, got, send } = openGroups(1_950);
  send(0, 40, (i) => new Uint8Array(500).fill(i));
  groups.finish(true);
  expect(got.map(({ startMs, endMs, units }) => [startMs, endMs, units.length])).toEqual([
    [0, 1_000, 10],
    [1_000, 1_950, 10],
  ]);
  const { groups: shorter, got: less, send: sendTo } = openGroups(1_900);
  sendTo(0, 40, (i) => new Uint8Array(500).fill(i));
  shorter.finish(true);
  expect(less.map(({ units }) => units.length)).toEqual([10, 9]);
});

test('a group of more than 32 MB is left out', () => {
  const { groups, got, send } = openGroups(100_000_000);
  send(0, 120, () => LARGE, 100);
  const last = groups.finish(true);
  expect(last?.units).toHaveLength(20);
  for (const { units } of [...got, ...(last ? [last] : [])]) {
    releaseAll(units);
  }
});

test.for<[string, number, () => Uint8Array]>([
  ['8 MB', 100, () => LARGE],
  ['a thousand groups', 20_000, () => new Uint8Array(1)],
])('what is compared is held up to %s, and asked for again once the times are known', ([, count, dataOf]) => {
  const comparison = new Comparison(0);
  comparison.recorded(DARK, -1_000);
  const first = openGroups(3_600_000, comparison);
  first.send(0, count, dataOf);
  expect([first.got.length, first.groups.known]).toEqual([0, undefined]);
  expect(first.groups.finish(true)).toBeUndefined();
  expect([first.groups.mustRepeat, first.groups.known]).toEqual([true, { differenceMs: 0, isMatched: false }]);
  const second = openGroups(3_600_000, comparison, first.groups.known);
  second.send(0, count, dataOf);
  expect(second.got).toHaveLength(count / 10 - 1);
  second.groups.finish(false);
  for (const { units } of second.got) {
    releaseAll(units);
  }
});

test('what is remembered of the groups that were taken does not grow with the gap', () => {
  const { groups, got, send, taken } = openGroups(86_400_000);
  send(0, 20_000, (i) => Buffer.alloc(100, `${i}`));
  groups.finish(false);
  const isKept = got.map((group) => taken.has(keyDigestOf(group), group.startMs));
  expect([isKept.length, isKept.at(-1), isKept.filter(Boolean).length < 300]).toEqual([1_999, true, true]);
});

test('a card that sends more groups than a camera takes pictures is not read further', () => {
  const { groups, got } = openGroups(86_400_000);
  for (let i = 0; i < 10_000; i += 1) {
    groups.onUnit(REPLAYED, i, i, true, Buffer.from(`${i}`));
  }
  expect([groups.isDone, groups.failure]).toMatchObject([true, { code: 'unsupported' }]);
  groups.finish(false);
  expect(got.length).toBeLessThan(300);
});

test.for<[string, number, () => Uint8Array]>([
  ['128 MB', 140, () => LARGE],
  ['ten minutes', 10 * 601, () => DARK],
])('a card that sends %s without a new group is not read further, and holds no more memory', ([, count, dataOf]) => {
  const { groups, got, send } = openGroups(100_000_000);
  send(0, count, dataOf, 1e6);
  expect([groups.isDone, groups.failure]).toMatchObject([true, { code: 'unsupported' }]);
  expect(groups.finish(false)).toBeUndefined();
  expect(got).toEqual([]);
});
