import { expect, test } from 'vitest';
import { heightOfLanes, laneAt, rowsOf } from './scene.ts';

const LABEL_PX = 12;
const FRAME_PX = 10;

test.for([1, 1.5, 2])('text of %d times the size overlaps neither the comb nor the next lane', (text) => {
  const page = rowsOf({ text, isStrip: false });
  const half = (LABEL_PX * text) / 2;
  expect(page.labels + half).toBeLessThanOrEqual(page.track - page.comb - 2);
  const strip = rowsOf({ text, isStrip: true });
  expect(strip.labels - half).toBeGreaterThanOrEqual(strip.track + FRAME_PX / 2);
  expect(strip.labels + half).toBeLessThanOrEqual(strip.chosen);
});

test('with more than four lanes half of the fifth is seen, and the others scroll', () => {
  const rows = rowsOf({ text: 1, isStrip: false });
  expect([0, 3, 4, 40].map((others) => heightOfLanes(others, 44, rows) - rows.chosen - 4)).toEqual([0, 132, 154, 154]);
  expect([0, rows.chosen - 1, rows.chosen, rows.chosen + 44].map((px) => laneAt(px, 44, rows))).toEqual([0, 0, 1, 2]);
  expect(laneAt(rows.chosen, 44, rows, 440)).toBe(11);
});
