import type { FoundObject, ObjectType, RgbPicture } from '../contract.ts';
import type { Candidate, InputSize, Layout } from './layouts.ts';

/** Where the picture lies in the input: scaled to fit, in its middle. */
interface Letterbox {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
}

/** The grey of the models' training. */
const BORDER = 114;
/** Boxes of one type that share more of their area are one object. */
const SAME_OBJECT = 0.5;

export function letterboxOf(picture: { readonly width: number; readonly height: number }, input: InputSize): Letterbox {
  const scale = Math.min(input.width / picture.width, input.height / picture.height);
  const width = Math.min(Math.max(Math.round(picture.width * scale), 1), input.width);
  const height = Math.min(Math.max(Math.round(picture.height * scale), 1), input.height);
  return { width, height, left: (input.width - width) >> 1, top: (input.height - height) >> 1 };
}

/** Writes the picture as three planes, in the colours and the range of the layout. @param planes of `3 * input.width * input.height` */
export function writeInput(
  picture: RgbPicture,
  box: Letterbox,
  input: InputSize,
  { colours, mean, deviation }: Pick<Layout, 'colours' | 'mean' | 'deviation'>,
  planes: Float32Array,
): void {
  const size = input.width * input.height;
  const [columns, rows] = [samplesOf(picture.width, box.width), samplesOf(picture.height, box.height)];
  for (let colour = 0; colour < 3; colour += 1) {
    const offset = colours === 'rgb' ? colour : 2 - colour;
    const [middle, unit] = [mean[colour] as number, deviation[colour] as number];
    planes.fill((BORDER - middle) / unit, colour * size, (colour + 1) * size);
    for (let y = 0; y < box.height; y += 1) {
      const row = rows[y] as Sample;
      const at = colour * size + (box.top + y) * input.width + box.left;
      for (let x = 0; x < box.width; x += 1) {
        planes[at + x] = (mixed(picture, columns[x] as Sample, row, offset) - middle) / unit;
      }
    }
  }
}

/** Weighted samples of one direction, from `first` on. */
interface Sample {
  readonly first: number;
  readonly weights: readonly number[];
}

/** Linear interpolation; when a picture shrinks, over all samples that a new one covers. */
function samplesOf(from: number, to: number): Sample[] {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale - 0.5;
    const first = Math.max(Math.ceil(centre - reach), 0);
    const last = Math.min(Math.floor(centre + reach), from - 1);
    const parts = Array.from({ length: last - first + 1 }, (_part, k) => 1 - Math.abs(first + k - centre) / reach);
    const sum = parts.reduce((all, part) => all + part, 0);
    return { first, weights: parts.map((part) => part / sum) };
  });
}

function mixed({ rgb, width }: RgbPicture, column: Sample, row: Sample, offset: number): number {
  let sum = 0;
  for (let k = 0; k < row.weights.length; k += 1) {
    let at = 3 * ((row.first + k) * width + column.first) + offset;
    let line = 0;
    for (let i = 0; i < column.weights.length; i += 1, at += 3) {
      line += (rgb[at] as number) * (column.weights[i] as number);
    }
    sum += line * (row.weights[k] as number);
  }
  return sum;
}

/**
 * The objects among the candidates, the largest score first: of boxes of one type that overlap only the best remains. At most 100.
 * @param types of the classes; null: objects of this class are dropped
 */
export function objectsOf(
  candidates: readonly Candidate[],
  types: readonly (ObjectType | null)[],
  box: Letterbox,
): FoundObject[] {
  const best = candidates
    .flatMap((candidate) => foundObject(candidate, types[candidate.classIndex] ?? undefined, box) ?? [])
    .sort((a, b) => b.score - a.score)
    .slice(0, 1_000);
  const kept: FoundObject[] = [];
  for (const object of best) {
    if (kept.length < 100 && !kept.some((other) => isSame(object, other))) {
      kept.push(object);
    }
  }
  return kept;
}

function foundObject(candidate: Candidate, type: ObjectType | undefined, box: Letterbox): FoundObject | undefined {
  const left = clamped((candidate.left - box.left) / box.width);
  const right = clamped((candidate.right - box.left) / box.width);
  const top = clamped((candidate.top - box.top) / box.height);
  const bottom = clamped((candidate.bottom - box.top) / box.height);
  // False for NaN, too.
  if (type === undefined || !(right > left && bottom > top)) {
    return undefined;
  }
  const score = Math.min(candidate.score, 1);
  return { type, score, box: { x: left, y: top, width: right - left, height: bottom - top } };
}

const clamped = (value: number): number => Math.min(Math.max(value, 0), 1);

function isSame(a: FoundObject, b: FoundObject): boolean {
  if (a.type !== b.type) {
    return false;
  }
  const width = Math.min(a.box.x + a.box.width, b.box.x + b.box.width) - Math.max(a.box.x, b.box.x);
  const height = Math.min(a.box.y + a.box.height, b.box.y + b.box.height) - Math.max(a.box.y, b.box.y);
  if (width <= 0 || height <= 0) {
    return false;
  }
  const shared = width * height;
  return shared / (a.box.width * a.box.height + b.box.width * b.box.height - shared) > SAME_OBJECT;
}
