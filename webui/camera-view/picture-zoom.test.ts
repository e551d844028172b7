import { expect, test } from 'vitest';
import { NO_ZOOM, panned, swipeOf, zoomAt } from './picture-zoom.ts';

const SIZE = { width: 400, height: 200 };

test('the pinched point stays below the fingers', () => {
  expect(zoomAt(NO_ZOOM, 2, { x: 50, y: -20 }, SIZE)).toEqual({ scale: 2, x: -50, y: 20 });
});

test.for([
  ['no smaller than whole', 0.1, { scale: 1, x: 0, y: 0 }],
  ['no larger than six times', 100, { scale: 6, x: 0, y: 0 }],
] as const)('the picture becomes %s', ([, factor, expected]) => {
  expect(zoomAt(NO_ZOOM, factor, { x: 0, y: 0 }, SIZE)).toEqual(expected);
});

test('panning keeps the screen covered', () => {
  const twice = { scale: 2, x: 0, y: 0 };
  expect(panned(twice, 1000, -1000, SIZE)).toEqual({ scale: 2, x: 200, y: -100 });
  expect(panned(NO_ZOOM, 50, 50, SIZE)).toEqual(NO_ZOOM);
});

test.for([
  [-90, 10, 'next'],
  [90, -10, 'before'],
  [5, 90, 'back'],
  [5, -90, undefined],
  [-90, 60, undefined],
  [-40, 0, undefined],
] as const)('a swipe by %d, %d leads to %s', ([x, y, expected]) => {
  expect(swipeOf(x, y)).toBe(expected);
});
