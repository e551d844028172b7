import { expect, test } from 'vitest';
import { narrowLayout, tileSize, wideLayout } from './layout.ts';
import { rowsOf, wallLayout } from './wall-layout.ts';

const smallTiles = (count: number) => Array.from({ length: count }, () => 'small' as const);

test.for([
  [1, 'auto', 1, 1, 0],
  [2, 'auto', 2, 1, 0],
  [3, 'auto', 2, 2, 0],
  [4, 'auto', 2, 2, 0],
  [5, 'auto', 3, 3, 1],
  [6, 'auto', 3, 3, 1],
  [7, 'auto', 4, 4, 3],
  [8, 'auto', 3, 3, 0],
  [9, 'auto', 3, 3, 0],
  [10, 'auto', 4, 4, 2],
  [11, 'auto', 4, 4, 1],
  [12, 'auto', 4, 4, 1],
  [13, 'auto', 4, 4, 1],
  [16, 'auto', 4, 4, 0],
  [17, 'auto', 4, undefined, 0],
  [64, 'auto', 4, undefined, 0],
  [5, '1', 1, 1, 0],
  [5, '4', 2, 2, 0],
  [5, '9', 3, 3, 0],
] as const)(
  '%d cameras, %s, stand in %s columns, %s rows in a wide window, %d large',
  ([count, chosen, columns, rows, large]) => {
    expect(wideLayout(count, chosen)).toEqual({ columns, rows, large });
  },
);

test.for([
  [1, 1, 1, 0],
  [4, 1, 4, 0],
  [5, 2, 4, 1],
  [6, 2, 5, 1],
  [7, 2, 5, 1],
  [8, 2, 4, 0],
  [9, 2, 5, 0],
  [10, 2, 5, 0],
  [11, 2, 6, 0],
  [12, 2, 6, 0],
  [13, 2, undefined, 0],
] as const)(
  '%d cameras have %d columns and %s rows in an upright window, %d large',
  ([count, columns, rows, large]) => {
    expect(wideLayout(count, 'auto', true)).toEqual({ columns, rows, large });
    expect(wideLayout(count, '9', true)).toEqual({ columns: 3, rows: 3, large: 0 });
  },
);

test.for([
  ['wide', false],
  ['upright', true],
] as const)('16 cameras leave at most one place of a %s window free, 11 and 14 two', ([, isUpright]) => {
  for (let count = 1; count <= 16; count += 1) {
    const { columns, rows, large } = wideLayout(count, 'auto', isUpright);
    const free = rows === undefined ? 0 : rows * columns - count - 3 * large;
    expect(free, `${count} cameras`).toBeGreaterThanOrEqual(0);
    expect(free, `${count} cameras`).toBeLessThanOrEqual([11, 14].includes(count) ? 2 : 1);
  }
});

test.for([
  [2, 'auto', 2],
  [5, 'auto', 3],
  [12, 'auto', 4],
  [5, '1', 1],
] as const)('%d cameras in groups, %s, have %d columns, and the window scrolls', ([count, chosen, columns]) => {
  expect(wideLayout(count, chosen, false, true)).toEqual({ columns, rows: undefined, large: 0 });
});

test('groups of some cameras are pairs on a phone', () => {
  expect([3, 4, 7, 8].map((count) => narrowLayout(count, 'auto', true))).toEqual(['full', 'pairs', 'pairs', 'pairs']);
});

test.for([
  [1, 'auto', 'full'],
  [3, 'auto', 'full'],
  [4, 'auto', 'two'],
  [5, 'auto', 'one'],
  [6, 'auto', 'two'],
  [7, 'auto', 'one'],
  [8, 'auto', 'pairs'],
  [11, 'auto', 'one'],
  [12, 'auto', 'pairs'],
  [2, '1', 'full'],
  [2, '4', 'pairs'],
  [2, '9', 'threes'],
] as const)('%d cameras, %s, are %s on a phone', ([count, chosen, expected]) => {
  expect(narrowLayout(count, chosen)).toBe(expected);
});

const TWO_BY_TWO = { columns: 2, rows: 2, large: 0 };

test('tiles fill a window of nearly their shape', () => {
  expect(tileSize({ width: 1308, height: 800 }, TWO_BY_TWO, 10)).toEqual({ width: 649, height: 395 });
});

test.for([
  ['wide', 3000, 800, { width: (395 * 16) / 9, height: 395 }],
  ['high', 1000, 1800, { width: 495, height: (495 * 9) / 16 }],
] as const)('a window that is too %s crops nothing', ([, width, height, expected]) => {
  const size = tileSize({ width, height }, TWO_BY_TWO, 10);
  expect(size.width).toBeCloseTo(expected.width);
  expect(size.height).toBeCloseTo(expected.height);
});

test('without a number of rows, tiles have the height of pictures', () => {
  expect(tileSize({ width: 1600, height: 10 }, { columns: 4, rows: undefined, large: 0 }, 0)).toEqual({
    ...{ width: 400, height: 225 },
  });
});

test.for([
  [1, 1920, 1080, 1],
  [2, 1920, 1080, 2],
  [2, 1080, 1920, 1],
  [6, 1920, 1080, 3],
  [8, 1080, 1920, 2],
] as const)('a wall display of %d cameras in %d × %d has %d columns', ([count, width, height, columns]) => {
  expect(wallLayout(smallTiles(count), { width, height }).columns).toBe(columns);
});

test.for([
  ['one large and five small fill a square', 'lsssss', 3, 3],
  ['a gap next to a large tile is filled by later small ones', 'sls', 3, 2],
  ['two large ones stand side by side above small ones', 'llss', 4, 3],
  ['all large is the same as all small', 'llll', 2, 2],
  ['a single large one fills the window', 'l', 1, 1],
] as const)('on a wall %s', ([, tiles, columns, rows]) => {
  const sizes = [...tiles].map((tile) => (tile === 'l' ? 'large' : 'small'));
  expect(wallLayout(sizes, { width: 1920, height: 1080 })).toEqual({ columns, rows, large: 0 });
});

test.for([
  [[2, 1, 1, 1, 1, 1], 3, 3],
  [[1, 2, 1], 3, 2],
  [[1, 2, 1, 1], 3, 3],
  [[1, 1, 2, 1], 3, 3],
  [[2, 2], 3, 4],
  [[], 1, 1],
] as const)('tiles of %s in %d columns take %d rows', ([spans, columns, rows]) => {
  expect(rowsOf(spans, columns)).toBe(rows);
});
