import { expect, test } from 'vitest';
import { CELL_BYTES, CELL_COLUMNS } from '../detection/moved-cells.ts';
import { cellsOf, MomentFinder, type PictureBox } from './find-moments.ts';

/** Bits of some cells. */
function bitsOf(...cells: (readonly [column: number, row: number])[]): Uint8Array {
  const bits = new Uint8Array(CELL_BYTES);
  for (const [column, row] of cells) {
    const cell = row * CELL_COLUMNS + column;
    bits[cell >> 3] = (bits[cell >> 3] as number) | (1 << (cell & 7));
  }
  return bits;
}

test.for([
  ['a cell', { x: 1 / 16, y: 2 / 9, width: 1 / 16, height: 1 / 9 }, [[1, 2]]],
  ['less than a cell', { x: 1.6 / 16, y: 2.6 / 9, width: 0.01, height: 0.01 }, [[1, 2]]],
  ['nothing, at the lower right corner', { x: 1, y: 1, width: 0, height: 0 }, [[15, 8]]],
  [
    'a box across two cells and a part of a third',
    { x: 0, y: 0, width: 2.4 / 16, height: 1 / 9 },
    [
      [0, 0],
      [1, 0],
    ],
  ],
] as const)('cells of %s', ([, box, cells]) => {
  expect(cellsOf(box)).toEqual(bitsOf(...(cells as unknown as [number, number][])));
});

function found(moved: readonly { second: number; bits: Uint8Array }[], box: PictureBox, maxMoments = 10): MomentFinder {
  const finder = new MomentFinder(box, maxMoments);
  for (const { second, bits } of moved) {
    finder.add(second, bits);
  }
  return finder;
}

test('seconds with motion in the box are moments, which short rests do not end', () => {
  const box = { x: 0, y: 0, width: 2 / 16, height: 1 / 9 };
  const moved = [
    { second: 10, bits: bitsOf([0, 0]) },
    { second: 11, bits: bitsOf([5, 5]) },
    { second: 15, bits: bitsOf([0, 0], [1, 0]) },
    { second: 16, bits: bitsOf([1, 0]) },
    { second: 23, bits: bitsOf([0, 0], [9, 8]) },
  ];
  expect(found(moved, box).moments).toEqual([
    { startS: 10, seconds: 7, peakS: 15, share: 1 },
    { startS: 23, seconds: 1, peakS: 23, share: 0.5 },
  ]);
  expect(found(moved, box).isCut).toBe(false);
  expect(found(moved, box, 1)).toMatchObject({ moments: [{ startS: 10, seconds: 7 }], isCut: true });
  expect(found(moved, { x: 0.5, y: 0, width: 0.5, height: 0.5 }).moments).toEqual([]);
});
