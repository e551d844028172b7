import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { BlockField } from '../../../picture/block-reader.ts';
import { countedBlocks, gridOf, type Polygon } from './block-areas.ts';

/** Crossings of a ray to the right, W. Randolph Franklin's test. */
function isInside(polygon: Polygon, x: number, y: number): boolean {
  let isIn = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i, i += 1) {
    const [[ax, ay], [bx, by]] = [polygon[i] ?? [0, 0], polygon[j] ?? [0, 0]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) {
      isIn = !isIn;
    }
  }
  return isIn;
}

const blocksOf = (width: number, height: number, zones: readonly Polygon[], masks: readonly Polygon[]) =>
  countedBlocks(gridOf(new BlockField(width, height), width, height), zones, masks);

test('a block counts if its middle is in a zone; a mask covers all that it touches: 100 random pictures', () => {
  const next = random(11);
  const polygon = (): Polygon => Array.from({ length: 3 + Math.floor(6 * next()) }, () => [next(), next()] as const);
  for (let i = 0; i < 100; i += 1) {
    const [width, height] = [16 + Math.floor(700 * next()), 16 + Math.floor(400 * next())];
    const [columns, rows] = [Math.ceil(width / 16), Math.ceil(height / 16)];
    const [zone, mask] = [polygon(), polygon()];
    const [zoned, masked] = [blocksOf(width, height, [zone], []), blocksOf(width, height, [], [mask])];
    let [inZone, missed] = [0, 0];
    const expected = Array.from(zoned, (_, block) => {
      const [left, top] = [16 * (block % columns), 16 * Math.floor(block / columns)];
      const [right, bottom] = [Math.min(left + 16, width), Math.min(top + 16, height)];
      const isIn = isInside(zone, (left + right) / 2 / width, (top + bottom) / 2 / height);
      inZone += isIn ? 1 : 0;
      // Checks 64 points of the block: one in the mask is missed if the block counts.
      for (let point = 0; point < 64; point += 1) {
        const x = left + ((0.5 + (point % 8)) / 8) * (right - left);
        const y = top + ((0.5 + ((point >> 3) & ~1)) / 8 + 1 / 16) * (bottom - top);
        missed += isInside(mask, x / width, y / height) && masked[block] === 1 ? 1 : 0;
      }
      return isIn ? 1 : 0;
    });
    expect(missed, `${width}x${height}`).toBe(0);
    if (inZone > 0) {
      expect([...zoned]).toEqual(expected);
    }
    expect(zoned).toHaveLength(columns * rows);
    const both = blocksOf(width, height, [zone], [mask]);
    expect([...both]).toEqual([...zoned].map((counts, block) => counts & (masked[block] ?? 0)));
  }
});

test('everything counts without zones, and the edges of a picture belong to a zone that reaches them', () => {
  const whole: Polygon = [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 1],
  ];
  // A picture of 360 lines ends with half a block.
  for (const height of [360, 352]) {
    expect(blocksOf(640, height, [], [])).not.toContain(0);
    expect(blocksOf(640, height, [whole], [])).not.toContain(0);
    expect(blocksOf(640, height, [whole], [whole])).not.toContain(1);
  }
});

test('a zone between the middles of blocks has the blocks that it touches', () => {
  const small: Polygon = [
    [0.01, 0.01],
    [0.02, 0.01],
    [0.02, 0.02],
  ];
  expect([...blocksOf(640, 360, [small], [])].filter(Boolean)).toHaveLength(1);
});

test('two zones count, and where a zone crosses itself nothing does', () => {
  const left: Polygon = [
    [0, 0],
    [0.25, 0],
    [0.25, 1],
    [0, 1],
  ];
  const right: Polygon = left.map(([x, y]) => [x + 0.75, y] as const);
  const columns = [...blocksOf(128, 16, [left, right], [])];
  expect(columns).toEqual([1, 1, 0, 0, 0, 0, 1, 1]);
  const bowTie: Polygon = [
    [0, 0],
    [1, 1],
    [0, 1],
    [1, 0],
  ];
  const [top = [], middle = []] = [0, 2].map((row) => [...blocksOf(80, 80, [bowTie], [])].slice(5 * row, 5 * row + 5));
  expect([top[2], middle[0], middle[4]]).toEqual([1, 0, 0]);
});
