import { expect, test } from 'vitest';
import { labelMiddle } from './draw.ts';
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

test('at most five lanes are seen, all of them whole, and the others scroll', () => {
  const rows = rowsOf({ text: 1, isStrip: false });
  expect([0, 3, 4, 40].map((others) => heightOfLanes(others, 44, rows) - rows.chosen - 4)).toEqual([0, 132, 176, 176]);
  expect([0, rows.chosen - 1, rows.chosen, rows.chosen + 44].map((px) => laneAt(px, 44, rows))).toEqual([0, 0, 1, 2]);
  expect(laneAt(rows.chosen, 44, rows, 440)).toBe(11);
});

test('the label of a gap is in its middle, unless the playhead crosses it there', () => {
  expect(labelMiddle(0, 200, 40)).toBe(100);
  expect(labelMiddle(0, 200, 40, 60)).toBe(100);
  expect(labelMiddle(0, 200, 40, 90)).toBe(114);
  expect(labelMiddle(0, 200, 40, 110)).toBe(86);
  expect(labelMiddle(0, 60, 40, 30)).toBeUndefined();
  expect(labelMiddle(0, 30, 40)).toBeUndefined();
});
