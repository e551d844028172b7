import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import type { UsRange } from '../../../playback/index/hidden-ranges.ts';
import { missing, missingUs, nextPiece, PIECE_US, wantedOf } from './pieces.ts';

const MINUTE_US = 60_000_000;
const ALL = Number.MAX_SAFE_INTEGER;
const range = (from: number, until: number): UsRange => ({ startUs: from * MINUTE_US, endUs: until * MINUTE_US });
const minutes = (one: UsRange | undefined) => one && [one.startUs / MINUTE_US, one.endUs / MINUTE_US];
const period = range(0, 600);

test('what the path has, and what is outside of the period, is not missing', () => {
  const wanted = {
    recorded: [range(0, 100), range(90, 120), range(200, 300)],
    present: [range(10, 20), range(110, 210)],
    period: range(5, 250),
  };
  expect(missing(wanted).map(minutes)).toEqual([
    [5, 10],
    [20, 110],
    [210, 250],
  ]);
  expect(missingUs(wanted, 30 * MINUTE_US)).toBe(15 * MINUTE_US);
});

test('the newest piece comes first; the next one may end where a group of pictures crosses', () => {
  const recorded = [range(0, 100)];
  expect(minutes(nextPiece({ recorded, present: [], period }, ALL))).toEqual([70, 100]);
  // The first group that was taken began a second after the piece.
  const present = [{ startUs: 70 * MINUTE_US + 1_000_000, endUs: 100 * MINUTE_US }];
  const next = nextPiece({ recorded, present, period }, 70 * MINUTE_US);
  expect(next).toEqual({ startUs: 40 * MINUTE_US, endUs: 70 * MINUTE_US + 1_000_000 });
  // Nothing was there.
  expect(minutes(nextPiece({ recorded, present: [], period }, 70 * MINUTE_US))).toEqual([40, 71]);
});

test('slivers between recordings whose times are rounded are not asked for', () => {
  const present = [{ startUs: 0, endUs: 50 * MINUTE_US - 400_000 }, range(50, 100)];
  expect(nextPiece({ recorded: [range(0, 100)], present, period }, ALL)).toBeUndefined();
});

test('whatever is recorded and present: pieces end, go back, miss nothing, and touch nothing that is present', () => {
  const float = random(20_261_129);
  const next = (below: number) => Math.floor(float() * below);
  const ranges = (count: number) =>
    Array.from({ length: next(count) }, () => {
      const from = next(1_000);
      return range(from, from + 1 + next(200));
    });
  for (let round = 0; round < 300; round += 1) {
    const wanted = { recorded: ranges(6), present: ranges(6), period: range(next(500), 500 + next(700)) };
    let beforeUs = ALL;
    let askedUs = 0;
    for (let piece = nextPiece(wanted, beforeUs); piece; piece = nextPiece(wanted, beforeUs)) {
      const { startUs, endUs } = piece;
      expect(startUs).toBeLessThan(beforeUs);
      expect(endUs - startUs).toBeLessThanOrEqual(PIECE_US + MINUTE_US);
      expect(wanted.present.some((one) => one.startUs < endUs && one.endUs > startUs)).toBe(false);
      askedUs += Math.min(endUs, beforeUs) - startUs;
      beforeUs = startUs;
    }
    expect(askedUs).toBe(missingUs(wanted, ALL));
  }
});

test('the period is that of the recordings, without what would be deleted at once', async () => {
  const recordings = [{ fromMs: 100 * 60_000, untilMs: 200 * 60_000 }] as never;
  const asked: (readonly number[])[] = [];
  const coverage = async (...times: [number, number]) => {
    asked.push(times.map((us) => us / MINUTE_US));
    return { recorded: [range(90, 95)], deleted: [range(150, 155)] };
  };
  const wanted = await wantedOf({ recordings }, { zoneMs: 20 * 60_000, oldestMs: 85 * 60_000, coverage });
  expect(asked).toEqual([[85, 180]]);
  expect(missing(wanted).map(minutes)).toEqual([
    [85, 90],
    [95, 150],
    [155, 180],
  ]);
  expect(missing(await wantedOf({ recordings }, { untilUs: 1, oldestMs: 0, coverage }))).toEqual([]);
});
