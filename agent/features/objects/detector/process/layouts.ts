/**
 * Outputs of object detectors, by their shapes. N: cells of all grids, C: classes, B: bins of a distance.
 *
 *   YOLOv5      [1, 3N, 5+C]   centre x, y, width, height (pixels), objectness, classes; strides 8, 16, 32, or to 64
 *   YOLOv8, 11  [1, 4+C, N]    centre x, y, width, height (pixels), classes; the same strides
 *   YOLOX       [1, N, 5+C]    offset of the centre from the cell's corner (strides), log of the size (strides), objectness, classes; 8, 16, 32
 *   NanoDet     [1, N, C+4B]   classes, distributions of the distances to left, top, right, bottom (strides) from the cell's centre; 8, 16, 32;
 *               or for each stride [1, n, C] and [1, n, 4B]
 *   NanoDet-Plus               the same from the cell's corner; strides 8, 16, 32, 64
 */
type LayoutName = 'YOLOv5' | 'YOLOv8' | 'YOLOX' | 'NanoDet' | 'NanoDet-Plus';

export interface Tensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export interface InputSize {
  readonly width: number;
  readonly height: number;
}

/** Boxes in pixels of the input. */
export interface Candidate {
  readonly classIndex: number;
  readonly score: number;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface Layout {
  readonly name: LayoutName;
  /** How the input is made of bytes: (byte - mean) / deviation, in this order of colours. */
  readonly colours: 'rgb' | 'bgr';
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
  /** Objects of at least this score, of all classes. @param outputs of the shapes by which the layout was recognized */
  candidates(outputs: readonly Tensor[], minScore: number): Candidate[];
}

type Decode = Layout['candidates'];

interface Grid {
  readonly stride: number;
  readonly columns: number;
  readonly cells: number;
}

const ZERO = [0, 0, 0] as const;
const BYTE = [255, 255, 255] as const;
const ONE = [1, 1, 1] as const;
/** Bins of a distance in a distribution: NanoDet has 8 or 11, its largest distance and one. */
const BINS = { least: 2, most: 33 } as const;

/** @param shapes of all outputs @param classes number of labels @returns undefined for an unknown layout */
export function recognizeLayout(
  input: InputSize,
  shapes: readonly (readonly number[])[],
  classes: number,
): Layout | undefined {
  const three = gridsOf(input, [8, 16, 32]);
  const four = gridsOf(input, [8, 16, 32, 64]);
  const [first = [], ...others] = shapes;
  if (others.length > 0) {
    return nanoDetByStride(three, shapes, classes);
  }
  const [batch, rows = 0, columns = 0] = first;
  if (first.length !== 3 || batch !== 1) {
    return undefined;
  }
  const isOf = (count: number): boolean => count === cellsOf(three) || count === cellsOf(four);
  if (columns === 5 + classes && rows % 3 === 0 && isOf(rows / 3)) {
    const decode: Decode = ([output], minScore) => yoloV5(output as Tensor, classes, minScore);
    return { name: 'YOLOv5', colours: 'rgb', mean: ZERO, deviation: BYTE, candidates: decode };
  }
  if (rows === 4 + classes && isOf(columns)) {
    const decode: Decode = ([output], minScore) => yoloV8(output as Tensor, classes, minScore);
    return { name: 'YOLOv8', colours: 'rgb', mean: ZERO, deviation: BYTE, candidates: decode };
  }
  if (columns === 5 + classes && rows === cellsOf(three)) {
    const decode: Decode = ([output], minScore) => yoloX(output as Tensor, three, classes, minScore);
    return { name: 'YOLOX', colours: 'bgr', mean: ZERO, deviation: ONE, candidates: decode };
  }
  const bins = binsOf(columns - classes);
  if (bins !== undefined && isOf(rows)) {
    const isPlus = rows === cellsOf(four);
    const grids = isPlus ? four : three;
    const decode: Decode = ([output], minScore) => {
      const { data } = output as Tensor;
      const scores = { data, at: 0, step: columns };
      const distances = { data, at: classes, step: columns };
      return nanoDet(grids, scores, distances, classes, bins, isPlus ? 0 : 0.5, minScore);
    };
    return nanoDetLayout(isPlus ? 'NanoDet-Plus' : 'NanoDet', decode);
  }
  return undefined;
}

/** The colours of NanoDet's training. */
const nanoDetLayout = (name: 'NanoDet' | 'NanoDet-Plus', candidates: Decode): Layout => ({
  name,
  colours: 'bgr',
  mean: [103.53, 116.28, 123.675],
  deviation: [57.375, 57.12, 58.395],
  candidates,
});

function nanoDetByStride(
  grids: readonly Grid[],
  shapes: readonly (readonly number[])[],
  classes: number,
): Layout | undefined {
  if (shapes.length !== 2 * grids.length || shapes.some((shape) => shape.length !== 3 || shape[0] !== 1)) {
    return undefined;
  }
  const pairs = grids.map((grid) => {
    const ofGrid = shapes.flatMap((shape, index) => (shape[1] === grid.cells ? [{ index, size: shape[2] ?? 0 }] : []));
    const scores = ofGrid.find(({ size }) => size === classes);
    const distances = ofGrid.find((one) => one !== scores && binsOf(one.size) !== undefined);
    return scores && distances && { grid, scores, distances, bins: binsOf(distances.size) ?? 0 };
  });
  if (!pairs.every((pair) => pair !== undefined)) {
    return undefined;
  }
  return nanoDetLayout('NanoDet', (outputs, minScore) =>
    pairs.flatMap(({ grid, scores, distances, bins }) =>
      nanoDet(
        [grid],
        { data: (outputs[scores.index] as Tensor).data, at: 0, step: classes },
        { data: (outputs[distances.index] as Tensor).data, at: 0, step: distances.size },
        classes,
        bins,
        0.5,
        minScore,
      ),
    ),
  );
}

const gridsOf = ({ width, height }: InputSize, strides: readonly number[]): Grid[] =>
  strides.map((stride) => {
    const columns = Math.ceil(width / stride);
    return { stride, columns, cells: columns * Math.ceil(height / stride) };
  });

const cellsOf = (grids: readonly Grid[]): number => grids.reduce((sum, { cells }) => sum + cells, 0);

function binsOf(values: number): number | undefined {
  const bins = values / 4;
  return Number.isInteger(bins) && bins >= BINS.least && bins <= BINS.most ? bins : undefined;
}

/** The class with the largest score; -1 if none is a number above zero. */
function bestClass(data: Float32Array, at: number, step: number, classes: number): number {
  let best = -1;
  let most = 0;
  for (let i = 0; i < classes; i += 1) {
    const value = data[at + i * step] as number;
    if (value > most) {
      most = value;
      best = i;
    }
  }
  return best;
}

/** NaN is no score, and a model whose scores exceed 1 is not of this layout. */
const isScore = (score: number, minScore: number): boolean => score >= minScore && score <= 1.001;

const centred = (
  classIndex: number,
  score: number,
  x: number,
  y: number,
  width: number,
  height: number,
): Candidate => ({
  classIndex,
  score,
  left: x - width / 2,
  top: y - height / 2,
  right: x + width / 2,
  bottom: y + height / 2,
});

/** The likeliest class and its score of a row of box, objectness and classes; -1: below `minScore`. */
function likeliest(data: Float32Array, at: number, classes: number, minScore: number): readonly [number, number] {
  const objectness = data[at + 4] as number;
  if (!(objectness >= minScore)) {
    return [-1, 0];
  }
  const best = bestClass(data, at + 5, 1, classes);
  const score = objectness * (data[at + 5 + best] as number);
  return isScore(score, minScore) ? [best, score] : [-1, 0];
}

function yoloV5({ data, dims }: Tensor, classes: number, minScore: number): Candidate[] {
  const step = 5 + classes;
  const found: Candidate[] = [];
  for (let row = 0; row < (dims[1] ?? 0); row += 1) {
    const at = row * step;
    const [best, score] = likeliest(data, at, classes, minScore);
    if (best >= 0) {
      const [x, y, width, height] = data.subarray(at, at + 4) as unknown as [number, number, number, number];
      found.push(centred(best, score, x, y, width, height));
    }
  }
  return found;
}

function yoloV8({ data, dims }: Tensor, classes: number, minScore: number): Candidate[] {
  const count = dims[2] ?? 0;
  const found: Candidate[] = [];
  for (let i = 0; i < count; i += 1) {
    const best = bestClass(data, 4 * count + i, count, classes);
    const score = best < 0 ? 0 : (data[(4 + best) * count + i] as number);
    if (isScore(score, minScore)) {
      const [x, y, width, height] = [0, 1, 2, 3].map((row) => data[row * count + i]) as [
        number,
        number,
        number,
        number,
      ];
      found.push(centred(best, score, x, y, width, height));
    }
  }
  return found;
}

function yoloX({ data }: Tensor, grids: readonly Grid[], classes: number, minScore: number): Candidate[] {
  const step = 5 + classes;
  const found: Candidate[] = [];
  let at = 0;
  for (const { stride, columns, cells } of grids) {
    for (let cell = 0; cell < cells; cell += 1, at += step) {
      const [best, score] = likeliest(data, at, classes, minScore);
      if (best >= 0) {
        const x = ((cell % columns) + (data[at] as number)) * stride;
        const y = (Math.floor(cell / columns) + (data[at + 1] as number)) * stride;
        const width = Math.exp(data[at + 2] as number) * stride;
        found.push(centred(best, score, x, y, width, Math.exp(data[at + 3] as number) * stride));
      }
    }
  }
  return found;
}

/** Values of a cell begin at `at + cell * step`. */
interface Cells {
  readonly data: Float32Array;
  readonly at: number;
  readonly step: number;
}

function nanoDet(
  grids: readonly Grid[],
  scores: Cells,
  distances: Cells,
  classes: number,
  bins: number,
  centre: number,
  minScore: number,
): Candidate[] {
  const found: Candidate[] = [];
  let first = 0;
  for (const { stride, columns, cells } of grids) {
    for (let cell = 0; cell < cells; cell += 1) {
      const at = scores.at + (first + cell) * scores.step;
      const best = bestClass(scores.data, at, 1, classes);
      const score = best < 0 ? 0 : (scores.data[at + best] as number);
      if (!isScore(score, minScore)) {
        continue;
      }
      const x = ((cell % columns) + centre) * stride;
      const y = (Math.floor(cell / columns) + centre) * stride;
      const side = distances.at + (first + cell) * distances.step;
      const [left, top, right, bottom] = [0, 1, 2, 3].map(
        (i) => stride * expectation(distances.data, side + i * bins, bins),
      ) as [number, number, number, number];
      found.push({ classIndex: best, score, left: x - left, top: y - top, right: x + right, bottom: y + bottom });
    }
    first += cells;
  }
  return found;
}

/** The mean of the bins' numbers, weighted by the softmax of their values. */
function expectation(data: Float32Array, at: number, bins: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < bins; i += 1) {
    most = Math.max(most, data[at + i] as number);
  }
  let [sum, weighted] = [0, 0];
  for (let i = 0; i < bins; i += 1) {
    const weight = Math.exp((data[at + i] as number) - most);
    sum += weight;
    weighted += i * weight;
  }
  return weighted / sum;
}
