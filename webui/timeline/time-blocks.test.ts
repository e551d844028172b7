import { expect, test } from 'vitest';
import { requestedPart, timeBlocks } from './time-blocks.ts';

const HOUR = 3_600_000;
const DAY = 86_400_000;
const T = Date.UTC(2026, 10, 17, 12, 34);

test.for([1_000, 120_000, 300_000, 600_000, HOUR, 2 * HOUR, 6 * HOUR, DAY, 3 * DAY, 10 * DAY, 31 * DAY])(
  'a window of %i ms is covered without gaps by at most five answers, wherever it begins',
  (length) => {
    for (let shift = 0; shift < 40; shift += 1) {
      const fromMs = T + shift * 2_345_678;
      const tiles = timeBlocks({ fromMs, toMs: fromMs + length });
      expect(tiles.length).toBeLessThanOrEqual(5);
      expect(tiles[0]?.fromMs).toBeLessThanOrEqual(fromMs);
      expect(tiles.at(-1)?.toMs).toBeGreaterThanOrEqual(fromMs + length);
      expect(tiles.slice(1).map((tile) => tile.fromMs)).toEqual(tiles.slice(0, -1).map((tile) => tile.toMs));
    }
  },
);

test('a small move needs the same blocks, so that they are requested once', () => {
  const before = timeBlocks({ fromMs: T, toMs: T + 6 * HOUR });
  expect(timeBlocks({ fromMs: T + 60_000, toMs: T + 6 * HOUR + 60_000 })).toEqual(before);
});

test('minutes are requested in parts of an hour, so that many events are listed singly', () => {
  const [tile] = timeBlocks({ fromMs: T, toMs: T + 5 * 60_000 });
  expect(tile).toEqual({ fromMs: T - 4 * 60_000, toMs: T + 6 * 60_000 });
  // An event every second is listed singly, too.
  expect(timeBlocks({ fromMs: T, toMs: T + 60_000 })).toEqual([{ fromMs: T, toMs: T + 2 * 60_000 }]);
});

test('the known part of a gap beyond the request counts', () => {
  const window = { fromMs: T, toMs: T + 5 * 60_000 };
  expect(requestedPart(window, T - DAY, T + DAY)).toEqual([T - 4 * 60_000, T + 6 * 60_000]);
  expect(requestedPart(window, T + 5_000, T + 9_000)).toEqual([T + 5_000, T + 9_000]);
});
