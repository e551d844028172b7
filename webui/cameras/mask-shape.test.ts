import { expect, test } from 'vitest';
import { areaOf, boundsOf, boxOf, grownBy, isWide, movedBy, rectangleOf, withCorner } from './mask-shape.ts';

const BOX = rectangleOf([0.2, 0.2], [0.6, 0.4]);

test('a rectangle drawn in any direction begins at its upper left corner', () => {
  expect(rectangleOf([0.6, 0.4], [0.2, 0.2])).toEqual(BOX);
  expect(BOX).toEqual([
    [0.2, 0.2],
    [0.6, 0.2],
    [0.6, 0.4],
    [0.2, 0.4],
  ]);
});

test.for([
  [[0.1, 0.1], { x: 0.3, y: 0.3 }],
  [[-1, 0], { x: 0, y: 0.2 }],
  [[1, 1], { x: 0.6, y: 0.8 }],
] as const)('moved by %s it stays whole and in the picture', ([by, at]) => {
  const moved = boundsOf(movedBy(BOX, by));
  expect(moved).toMatchObject({ x: expect.closeTo(at.x, 4), y: expect.closeTo(at.y, 4) });
  expect([moved.width, moved.height]).toEqual([expect.closeTo(0.4, 4), expect.closeTo(0.2, 4)]);
});

test.for([
  [
    [0.1, 0.1],
    [0.5, 0.3],
  ],
  [
    [-1, -1],
    [0.03, 0.03],
  ],
  [
    [1, 1],
    [0.8, 0.8],
  ],
] as const)('grown by %s it keeps its upper left corner, a size to hold, and the picture', ([by, [width, height]]) => {
  expect(boundsOf(grownBy(BOX, by))).toEqual({
    ...{ x: 0.2, y: 0.2 },
    width: expect.closeTo(width, 4),
    height: expect.closeTo(height, 4),
  });
});

test('a corner moves alone, or with its sides if the camera takes rectangles only', () => {
  expect(withCorner(BOX, 2, [0.7, 0.9], false)[2]).toEqual([0.7, 0.9]);
  expect(withCorner(BOX, 2, [0.7, 0.9], false)[1]).toEqual([0.6, 0.2]);
  expect(withCorner(BOX, 2, [0.7, 0.9], true)).toEqual(rectangleOf([0.2, 0.2], [0.7, 0.9]));
  expect(withCorner(BOX, 0, [-1, 2], true)).toEqual(rectangleOf([0, 0.4], [0.6, 1]));
});

test('a drag back to where it began leaves nothing to hold', () => {
  expect(isWide(withCorner(BOX, 0, [0.59, 0.3], true))).toBe(false);
  expect(isWide(grownBy(BOX, [-1, -1]))).toBe(true);
});

test('a polygon has an area, and a box around it', () => {
  const triangle = [
    [0.5, 0],
    [1, 1],
    [0, 1],
  ] as const;
  expect(areaOf(triangle)).toBeCloseTo(0.5);
  expect(boxOf(triangle)).toEqual(rectangleOf([0, 0], [1, 1]));
  expect(areaOf(BOX)).toBeCloseTo(0.08);
});
