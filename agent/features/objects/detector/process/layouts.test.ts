import { expect, test } from 'vitest';
import { random } from '../../../../../test/support/base/random.ts';
import { type Candidate, type InputSize, recognizeLayout, type Tensor } from './layouts.ts';

const SQUARE = { width: 416, height: 416 };
const WIDE = { width: 640, height: 384 };

const cellsOf = ({ width, height }: InputSize, strides: readonly number[]): number =>
  strides.reduce((sum, stride) => sum + Math.ceil(width / stride) * Math.ceil(height / stride), 0);
const THREE = [8, 16, 32];
const FOUR = [8, 16, 32, 64];

/** An object of a picture, in the terms of each layout. */
interface Planted {
  readonly classIndex: number;
  readonly score: number;
  /** Cell of the grid of stride 16. */
  readonly column: number;
  readonly row: number;
  /** Box in pixels. */
  readonly box: readonly [left: number, top: number, right: number, bottom: number];
}

interface Known {
  readonly name: string;
  shapes(input: InputSize, classes: number): number[][];
  plant(outputs: readonly Tensor[], input: InputSize, classes: number, object: Planted): void;
}

const BINS = 11;
/** A distribution over bins whose mean is `value`. */
function distribution(data: Float32Array, at: number, value: number): void {
  data.fill(-50, at, at + BINS);
  const low = Math.min(Math.floor(value), BINS - 2);
  data[at + low] = Math.log(Math.max(1 - (value - low), 1e-9));
  data[at + low + 1] = Math.log(Math.max(value - low, 1e-9));
}

const indexOf = (input: InputSize, { column, row }: Planted): number =>
  cellsOf(input, [8]) + row * Math.ceil(input.width / 16) + column;

const centre = ({ box: [left, top, right, bottom] }: Planted) => [
  (left + right) / 2,
  (top + bottom) / 2,
  right - left,
  bottom - top,
];

/** @param at of the cell's distances @param offset of the cell's middle */
function plantDistances(data: Float32Array, at: number, { box, column, row }: Planted, offset: number): void {
  const [x, y] = [(column + offset) * 16, (row + offset) * 16];
  const [left, top, right, bottom] = box;
  for (const [i, distance] of [x - left, y - top, right - x, bottom - y].entries()) {
    distribution(data, at + i * BINS, distance / 16);
  }
}

const nanoDetOf = (name: string, strides: readonly number[], offset: number): Known => ({
  name,
  shapes: (input, classes) => [[1, cellsOf(input, strides), classes + 4 * BINS]],
  plant: ([output], input, classes, object) => {
    const { data } = output as Tensor;
    const at = indexOf(input, object) * (classes + 4 * BINS);
    data[at + object.classIndex] = object.score;
    plantDistances(data, at + classes, object, offset);
  },
});

const LAYOUTS: readonly Known[] = [
  {
    name: 'YOLOv5',
    shapes: (input, classes) => [[1, 3 * cellsOf(input, THREE), 5 + classes]],
    plant: ([output], _input, classes, object) => {
      const { data } = output as Tensor;
      const at = 1_234 * (5 + classes);
      data.set(centre(object), at);
      data[at + 4] = 1;
      data[at + 5 + object.classIndex] = object.score;
    },
  },
  {
    name: 'YOLOv8',
    shapes: (input, classes) => [[1, 4 + classes, cellsOf(input, THREE)]],
    plant: ([output], input, _classes, object) => {
      const { data } = output as Tensor;
      const [count, at] = [cellsOf(input, THREE), indexOf(input, object)];
      for (const [row, value] of centre(object).entries()) {
        data[row * count + at] = value;
      }
      data[(4 + object.classIndex) * count + at] = object.score;
    },
  },
  {
    name: 'YOLOX',
    shapes: (input, classes) => [[1, cellsOf(input, THREE), 5 + classes]],
    plant: ([output], input, classes, object) => {
      const { data } = output as Tensor;
      const at = indexOf(input, object) * (5 + classes);
      const [x = 0, y = 0, width = 0, height = 0] = centre(object);
      data.set([x / 16 - object.column, y / 16 - object.row, Math.log(width / 16), Math.log(height / 16)], at);
      data[at + 4] = 1;
      data[at + 5 + object.classIndex] = object.score;
    },
  },
  nanoDetOf('NanoDet', THREE, 0.5),
  nanoDetOf('NanoDet-Plus', FOUR, 0),
  {
    name: 'NanoDet',
    // In the order of a model that was exported with its outputs in alphabetic order.
    shapes: (input, classes) =>
      [32, 8, 16].flatMap((stride) => [
        [1, cellsOf(input, [stride]), 4 * BINS],
        [1, cellsOf(input, [stride]), classes],
      ]),
    plant: (outputs, input, classes, object) => {
      const at = indexOf(input, object) - cellsOf(input, [8]);
      (outputs[5] as Tensor).data[at * classes + object.classIndex] = object.score;
      plantDistances((outputs[4] as Tensor).data, at * 4 * BINS, object, 0.5);
    },
  },
];

const zeros = (dims: readonly number[]): Tensor => ({ dims, data: new Float32Array(dims.reduce((a, b) => a * b, 1)) });
const rounded = (found: readonly Candidate[]) =>
  found.map(({ classIndex, score, left, top, right, bottom }) => ({
    classIndex,
    score: Number(score.toFixed(4)),
    box: [left, top, right, bottom].map((value) => Math.round(value)),
  }));

const CASES = LAYOUTS.flatMap((layout) =>
  [SQUARE, WIDE].flatMap((input) => [1, 3, 80].map((classes) => [layout.name, layout, input, classes] as const)),
);

test.for(CASES)('an object of any place, size and class comes out of %s', ([name, known, input, classes]) => {
  const next = random(classes);
  const shapes = known.shapes(input, classes);
  const layout = recognizeLayout(input, shapes, classes);
  expect(layout?.name).toBe(name);
  for (let i = 0; i < 8; i += 1) {
    const outputs = shapes.map(zeros);
    const [column, row] = [8 + Math.floor(next() * 9), 8 + Math.floor(next() * 7)];
    const [x, y] = [column * 16 + 8, row * 16 + 8];
    const box = [x - 9 - next() * 100, y - 9 - next() * 100, x + 9 + next() * 100, y + 9 + next() * 100] as const;
    const object = { classIndex: Math.floor(next() * classes), score: 0.3 + next() * 0.69, column, row, box };
    known.plant(outputs, input, classes, object);
    expect(rounded(layout?.candidates(outputs, 0.25) ?? [])).toEqual(
      rounded([{ ...object, left: box[0], top: box[1], right: box[2], bottom: box[3] }]),
    );
    expect(layout?.candidates(outputs, object.score + 0.01)).toEqual([]);
  }
});

test.for(LAYOUTS.map((layout) => [layout.name, layout] as const))(
  'values of any kind in an output of %s give scores in their range, and no error',
  ([, known]) => {
    const next = random(7);
    const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38, -3e38, 1e-40, 0, -0, 1, 0.5];
    const shapes = known.shapes(SQUARE, 5);
    const layout = recognizeLayout(SQUARE, shapes, 5);
    for (const share of [0.001, 0.05, 1]) {
      const outputs = shapes.map(zeros);
      for (const { data } of outputs) {
        for (let i = 0; i < data.length; i += 1) {
          data[i] = next() < share ? (values[Math.floor(next() * values.length)] as number) : next();
        }
      }
      const found = layout?.candidates(outputs, 0.25) ?? [];
      for (const { score, classIndex } of found) {
        expect(score >= 0.25 && score <= 1.001 && classIndex >= 0 && classIndex < 5, `${score} ${classIndex}`).toBe(
          true,
        );
      }
    }
  },
);

test.for([
  ['of another number of labels', [[1, 84, 8400]], 20],
  ['of another input', [[1, 84, 3549]], 80],
  ['of two pictures', [[2, 84, 8400]], 80],
  ['of four dimensions', [[1, 84, 80, 80]], 80],
  ['without one', [], 80],
  ['of a list of boxes', [[1, 300, 6]], 80],
  ['with a distribution of one bin', [[1, 8400, 84]], 80],
  [
    'of half of the strides',
    [
      [1, 6400, 80],
      [1, 6400, 32],
    ],
    80,
  ],
] as const)('an output %s is not recognized', ([, shapes, classes]) => {
  expect(recognizeLayout({ width: 640, height: 640 }, shapes, classes)).toBeUndefined();
});

test('random shapes are none of these, and give no error', () => {
  const next = random(3);
  const size = (): number => Math.floor(next() * 9_000);
  for (let i = 0; i < 2_000; i += 1) {
    const shapes = Array.from({ length: Math.floor(next() * 7) }, () =>
      Array.from({ length: Math.floor(next() * 5) }, size),
    );
    expect(recognizeLayout(SQUARE, shapes, 80)).toBeUndefined();
  }
});
