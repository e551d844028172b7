import { expect, test } from 'vitest';
import { random } from '../../../../../test/support/base/random.ts';
import type { ObjectType, RgbPicture } from '../contract.ts';
import type { Candidate } from './layouts.ts';
import { letterboxOf, objectsOf, writeInput } from './picture-input.ts';

const PLAIN = { colours: 'rgb', mean: [0, 0, 0], deviation: [1, 1, 1] } as const;

/** @param colour of the pixel at x, y */
function pictureOf(width: number, height: number, colour: (x: number, y: number) => readonly number[]): RgbPicture {
  const rgb = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      rgb.set(colour(x, y), 3 * (y * width + x));
    }
  }
  return { width, height, rgb };
}

function inputOf(picture: RgbPicture, side: number, layout: Parameters<typeof writeInput>[3] = PLAIN): Float32Array {
  const size = { width: side, height: side };
  const planes = new Float32Array(3 * side * side).fill(Number.NaN);
  writeInput(picture, letterboxOf(picture, size), size, layout, planes);
  return planes;
}

test.for([
  [640, 360, { width: 416, height: 234, left: 0, top: 91 }],
  [360, 640, { width: 234, height: 416, left: 91, top: 0 }],
  [208, 104, { width: 416, height: 208, left: 0, top: 104 }],
  [416, 416, { width: 416, height: 416, left: 0, top: 0 }],
  [5_000, 1, { width: 416, height: 1, left: 0, top: 207 }],
] as const)('a picture of %i x %i keeps its proportions in the input', ([width, height, box]) => {
  expect(letterboxOf({ width, height }, { width: 416, height: 416 })).toEqual(box);
});

test('colours lie in planes, and around the picture is grey', () => {
  const planes = inputOf(
    pictureOf(4, 2, () => [10, 20, 30]),
    4,
  );
  expect([0, 4, 8, 12].map((at) => planes[at])).toEqual([114, 10, 10, 114]);
  expect([16, 20, 36].map((at) => planes[at])).toEqual([114, 20, 30]);
  expect(planes.some(Number.isNaN)).toBe(false);
});

test('the colours of a layout come in its order and range', () => {
  const layout = { colours: 'bgr', mean: [1, 2, 3], deviation: [2, 4, 8] } as const;
  const planes = inputOf(
    pictureOf(2, 1, () => [10, 20, 30]),
    2,
    layout,
  );
  expect([planes[0], planes[2]]).toEqual([14.5, (114 - 1) / 2]);
  expect([planes[4], planes[8]]).toEqual([4.5, (10 - 3) / 8]);
});

test('a picture that shrinks is averaged, one that grows is interpolated', () => {
  const stripes = pictureOf(64, 64, (x) => (x % 2 === 0 ? [0, 0, 0] : [200, 200, 200]));
  const small = inputOf(stripes, 16);
  expect(Math.max(...small)).toBeLessThan(115);
  expect(Math.min(...small)).toBeGreaterThan(85);
  const ramp = inputOf(
    pictureOf(4, 4, (x) => [60 * x, 0, 0]),
    8,
  );
  expect([...ramp.subarray(0, 8)]).toEqual([0, 15, 45, 75, 105, 135, 165, 180]);
});

const BOX = { width: 400, height: 200, left: 0, top: 100 };
const TYPES: readonly (ObjectType | null)[] = ['person', 'vehicle', 'vehicle', null];
const candidate = (
  classIndex: number,
  score: number,
  left: number,
  top: number,
  right: number,
  bottom: number,
): Candidate => ({
  ...{ classIndex, score, left, top, right, bottom },
});

test('boxes become fractions of the picture, and end at its edges', () => {
  expect(objectsOf([candidate(0, 0.7, 100, 150, 200, 250)], TYPES, BOX)).toEqual([
    { type: 'person', score: 0.7, box: { x: 0.25, y: 0.25, width: 0.25, height: 0.5 } },
  ]);
  expect(objectsOf([candidate(0, 1.0005, -50, 0, 900, 900)], TYPES, BOX)).toEqual([
    { type: 'person', score: 1, box: { x: 0, y: 0, width: 1, height: 1 } },
  ]);
});

test('of overlapping boxes of one type the best remains, also of two classes', () => {
  const found = objectsOf(
    [
      candidate(1, 0.5, 100, 150, 200, 250),
      candidate(2, 0.8, 105, 150, 205, 250),
      candidate(0, 0.6, 102, 150, 202, 250),
      candidate(1, 0.4, 210, 150, 300, 250),
    ],
    TYPES,
    BOX,
  );
  expect(found.map(({ type, score }) => [type, score])).toEqual([
    ['vehicle', 0.8],
    ['person', 0.6],
    ['vehicle', 0.4],
  ]);
});

test('classes without a type, boxes outside of the picture and empty ones are dropped', () => {
  const none = [
    ...[
      candidate(3, 0.9, 100, 150, 200, 250),
      candidate(7, 0.9, 100, 150, 200, 250),
      candidate(0, 0.9, 100, 0, 200, 90),
    ],
    ...[candidate(0, 0.9, 200, 150, 100, 250), candidate(0, 0.9, Number.NaN, 150, 200, 250)],
  ];
  expect(objectsOf(none, TYPES, BOX)).toEqual([]);
});

test('candidates of any numbers give boxes within the picture, at most 100', () => {
  const next = random(11);
  const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e38, -1e38];
  const value = (): number => (next() < 0.1 ? (odd[Math.floor(next() * 5)] as number) : next() * 500 - 50);
  const many = Array.from({ length: 20_000 }, () =>
    candidate(Math.floor(next() * 4), 0.25 + next() * 0.75, value(), value(), value(), value()),
  );
  const found = objectsOf(many, TYPES, BOX);
  expect(found.length).toBeGreaterThan(5);
  expect(found.length).toBeLessThanOrEqual(100);
  for (const { box, score } of found) {
    const { x, y, width, height } = box;
    expect(
      x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= 1.000001 && y + height <= 1.000001 && score <= 1,
    ).toBe(true);
  }
  expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).sort((a, b) => b - a));
});
