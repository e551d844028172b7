import { expect, test } from 'vitest';
import { boxAt, inOrder, movedTo, placeOf, reordered, roomFor } from './list-order.ts';

test('an item is moved', () => {
  expect(movedTo(['a', 'b', 'c', 'd'], 0, 2)).toEqual(['b', 'c', 'a', 'd']);
  expect(movedTo(['a', 'b', 'c', 'd'], 3, 0)).toEqual(['d', 'a', 'b', 'c']);
  expect(movedTo(['a', 'b'], 1, 1)).toEqual(['a', 'b']);
  expect(movedTo(['a', 'b'], 5, 0)).toEqual(['a', 'b']);
});

test('a dragged item passes neighbours beyond their middle, and not the ends', () => {
  const heights = [60, 60, 100, 60];
  expect([0, 29, 30, 89, 109, 111, 500].map((px) => placeOf(heights, 0, px))).toEqual([0, 0, 1, 1, 1, 2, 3]);
  expect([-29, -50, -120, -500].map((px) => placeOf(heights, 3, px))).toEqual([3, 2, 2, 0]);
});

test('a tile of a grid is dropped on the place below the pointer', () => {
  const boxes = [
    { x: 0, y: 0, width: 100, height: 50 },
    { x: 104, y: 0, width: 100, height: 50 },
    { x: 0, y: 54, width: 204, height: 104 },
  ];
  const places = [
    [50, 25],
    [104, 0],
    [102, 20],
    [190, 150],
    [300, 20],
  ] as const;
  expect(places.map(([x, y]) => boxAt(boxes, { x, y }))).toEqual([0, 1, undefined, 2, undefined]);
});

test('some of the items change places among themselves', () => {
  expect(reordered(['a', 'b', 'c', 'd', 'e'], ['d', 'b'])).toEqual(['a', 'd', 'c', 'b', 'e']);
  expect(reordered(['a', 'b'], ['x'])).toEqual(['a', 'b']);
});

test('items in between make room', () => {
  expect([0, 1, 2, 3].map((i) => roomFor(i, 0, 2))).toEqual([0, -1, -1, 0]);
  expect([0, 1, 2, 3].map((i) => roomFor(i, 3, 1))).toEqual([0, 1, 1, 0]);
});

test('a new order applies before the box confirms it; new cameras follow', () => {
  const items = ['a', 'b', 'new', 'c'].map((name) => ({ name }));
  expect(inOrder(items, ['c', 'a', 'b']).map(({ name }) => name)).toEqual(['c', 'a', 'b', 'new']);
});
