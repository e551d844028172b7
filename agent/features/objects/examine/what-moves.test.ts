import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import type { PicturePart, Planes } from '../../../picture/contracts.ts';
import { WHOLE } from '../../../picture/part.ts';
import { toRgb } from '../../../picture/scale.ts';
import { aroundMotion, hasChanged, placed, seenIn } from './what-moves.ts';

const [WIDTH, HEIGHT] = [40, 20];

/** A grey picture with a bright square. */
function picture(grey: number, left: number) {
  const rgb = new Uint8Array(3 * WIDTH * HEIGHT).fill(grey);
  for (let row = 5; row < 15; row += 1) {
    rgb.fill(200, 3 * (row * WIDTH + left), 3 * (row * WIDTH + left + 10));
  }
  return { width: WIDTH, height: HEIGHT, rgb };
}

const left = { x: 0, y: 0.25, width: 0.25, height: 0.5 };
const right = { x: 0.75, y: 0.25, width: 0.25, height: 0.5 };

test('a box has changed where an object has come or gone, and not where the light alone has changed', () => {
  const [before, now] = [picture(50, 0), picture(50, 20)];
  expect([hasChanged(left, now, before), hasChanged(right, now, before)]).toEqual([true, false]);
  expect(hasChanged(right, picture(90, 0), picture(50, 0))).toBe(false);
  expect(hasChanged({ x: -1, y: -1, width: 9, height: 9 }, now, now)).toBe(false);
});

test('pictures of different sizes are not compared', () => {
  const small = { width: 4, height: 4, rgb: new Uint8Array(48) };
  expect(hasChanged(left, picture(50, 0), small)).toBe(false);
});

test('a box moves by the cells of motion, and by pixels where these are not known', () => {
  const whole = picture(50, 20);
  const taken = { wallMs: 5_000, part: WHOLE, whole };
  const object = { type: 'person', score: 0.9, box: left } as const;
  const asked: number[][] = [];
  const movement = (share: number | undefined) => ({
    shareIn: (_box: unknown, ...times: number[]) => {
      asked.push(times);
      return share;
    },
    movingBox: () => undefined,
    counts: () => true,
  });
  const moves = (share: number | undefined, before?: ReturnType<typeof picture>) =>
    seenIn(taken, [object], movement(share), before)[0]?.moves;
  expect([moves(0.25), moves(0.15), moves(0)]).toEqual([true, false, false]);
  expect([moves(undefined), moves(undefined, picture(50, 0)), moves(undefined, whole)]).toEqual([
    undefined,
    true,
    false,
  ]);
  expect(asked[0]).toEqual([4_000, 6_000]);
  expect(seenIn(taken, [object], undefined, picture(50, 0))[0]?.moves).toBe(true);
  const part = { ...taken, whole: undefined };
  expect(seenIn(part, [object], undefined, picture(50, 0))[0]?.moves).toBeUndefined();
});

test('what moves is looked at with a cell of motion around it; nothing is known, or nothing moves: the whole picture', () => {
  const asked: number[][] = [];
  const movement = (box: PicturePart | undefined) => ({
    shareIn: () => 0,
    movingBox: (...times: number[]) => {
      asked.push(times);
      return box;
    },
    counts: () => true,
  });
  expect(aroundMotion(undefined, 5_000)).toBeUndefined();
  expect(aroundMotion(movement(undefined), 5_000)).toBeUndefined();
  const around = aroundMotion(movement({ x: 0.5, y: 5 / 9, width: 0.125, height: 2 / 9 }), 5_000);
  expect(around?.x).toBeCloseTo(0.4375);
  expect(around?.y).toBeCloseTo(4 / 9);
  expect(around?.width).toBeCloseTo(0.25);
  expect(around?.height).toBeCloseTo(4 / 9);
  expect(asked).toEqual([
    [4_000, 6_000],
    [4_000, 6_000],
  ]);
});

test('an object is cut where the part ends within the picture, and not at the edge of the picture', () => {
  const isCut = (box: PicturePart, part: PicturePart) => placed({ type: 'person', score: 0.9, box }, part).isCut;
  const middle = { x: 0.3, y: 0.3, width: 0.4, height: 0.4 };
  const inner = { x: 0.25, y: 0.25, width: 0.5, height: 0.5 };
  const edges = [
    { ...middle, x: 0.01 },
    { ...middle, y: 0 },
    { ...middle, width: 0.69 },
    { ...middle, height: 0.7 },
  ];
  expect(isCut(middle, inner)).toBe(false);
  expect(edges.map((box) => isCut(box, inner))).toEqual([true, true, true, true]);
  expect(edges.map((box) => isCut(box, WHOLE))).toEqual([false, false, false, false]);
  const topRight = { x: 0.7, y: 0, width: 0.30000000000000004, height: 0.3 };
  expect(edges.map((box) => isCut(box, topRight))).toEqual([true, false, false, true]);
  const bottomLeft = { x: 0, y: 2 / 3, width: 0.3, height: 1 - 2 / 3 };
  expect(edges.map((box) => isCut(box, bottomLeft))).toEqual([false, true, true, false]);
});

test('a bright box is at the same place of the picture, whatever part of whatever picture it was found in', () => {
  const next = random(11);
  const between = (from: number, until: number) => Math.floor(from + next() * (until - from));
  let parts = 0;
  for (let i = 0; i < 200; i += 1) {
    const [width, height] = [between(100, 500), between(100, 400)];
    const aspect = [1, 1, 0.5, 1.25, 2][between(0, 5)] ?? 1;
    const size = [between(20, width / 3), between(20, height / 3)] as const;
    const [left, top] = [between(0, width - size[0]), between(0, height - size[1])];
    const stride = width + between(0, 40);
    const samples = new Uint8Array(stride * height).fill(20);
    for (let row = top; row < top + size[1]; row += 1) {
      samples.fill(230, row * stride + left, row * stride + left + size[0]);
    }
    const planes: Planes = {
      ...{ width, height, bits: 8, chromaX: 1, chromaY: 1, luma: { samples, stride }, chroma: undefined, aspect },
      ...{ isFullRange: true, matrix: 6, isInterlaced: i % 4 === 0, time: 0, isDamaged: false },
    };
    const wanted = { x: left / width, y: top / height, width: size[0] / width, height: size[1] / height };
    const margin = next() / 5;
    const made = toRgb(planes, between(40, 200), {
      ...{ x: wanted.x - margin, y: wanted.y - margin },
      ...{ width: wanted.width + 2 * margin, height: wanted.height + 2 * margin },
    });
    const { part } = made;
    parts += part.width < 1 || part.height < 1 ? 1 : 0;
    for (const [at, length] of [
      [part.x, part.width],
      [part.y, part.height],
    ] as const) {
      expect(at).toBeGreaterThanOrEqual(0);
      expect(at + length).toBeLessThanOrEqual(1 + 1e-9);
    }
    const { box } = placed({ type: 'person', score: 1, box: brightBox(made) }, part);
    // Pixels of the result, and of a field of the picture.
    const [x, y] = [part.width / made.width + 1 / width, part.height / made.height + 2 / height];
    expect(Math.abs(box.x - wanted.x)).toBeLessThan(x);
    expect(Math.abs(box.y - wanted.y)).toBeLessThan(y);
    expect(Math.abs(box.x + box.width - wanted.x - wanted.width)).toBeLessThan(x);
    expect(Math.abs(box.y + box.height - wanted.y - wanted.height)).toBeLessThan(y);
  }
  expect(parts).toBeGreaterThan(80);
});

/** The box of the pixels of more than half brightness, in shares. */
function brightBox({ width, height, rgb }: { width: number; height: number; rgb: Uint8Array }): PicturePart {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let at = 0; at < width * height; at += 1) {
    if ((rgb[3 * at] as number) > 125) {
      const [column, row] = [at % width, Math.floor(at / width)];
      [left, top] = [Math.min(left, column), Math.min(top, row)];
      [right, bottom] = [Math.max(right, column + 1), Math.max(bottom, row + 1)];
    }
  }
  return { x: left / width, y: top / height, width: (right - left) / width, height: (bottom - top) / height };
}
