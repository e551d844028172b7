import { expect, test } from 'vitest';
import type { Planes } from './contracts.ts';
import { partAround, partOfPlanes, WHOLE } from './part.ts';
import { toJpegPicture, toRgb } from './scale.ts';

const [WIDTH, HEIGHT] = [64, 48];

const grey = (aspect: number): Planes => ({
  width: WIDTH,
  height: HEIGHT,
  bits: 8,
  chromaX: 1,
  chromaY: 1,
  luma: { samples: new Uint8Array(WIDTH * HEIGHT).fill(128), stride: WIDTH },
  chroma: undefined,
  isFullRange: true,
  matrix: 1,
  isInterlaced: false,
  aspect,
  time: 0,
  isDamaged: false,
});

test.for([
  ['square samples', 1, undefined, 64, 48],
  ['wide samples', 2, undefined, 128, 48],
  ['wide samples, a smaller width', 2, 32, 32, 12],
  ['narrow samples', 0.5, undefined, 32, 48],
  ['the widest samples that a stream can name', 65_535, undefined, 16_384, 1],
  ['the narrowest samples that a stream can name', 1 / 65_535, undefined, 1, 48],
] as const)('%s keep the proportions within the limits of a JPEG', ([, aspect, wanted, width, height]) => {
  expect(toJpegPicture(grey(aspect), wanted)).toMatchObject({ width, height });
});

test.for([
  ['BT.601', 6, [81, 90, 240], [254, 0, 0]],
  ['BT.709', 1, [63, 102, 240], [255, 0, 0]],
  ['BT.601 blue', 6, [41, 240, 110], [0, 0, 255]],
] as const)('a colour of %s in RGB', ([, matrix, [y, cb, cr], wanted]) => {
  const plane = (value: number, side: number) => ({ samples: new Uint8Array(side * side).fill(value), stride: side });
  const planes: Planes = {
    ...{ ...grey(1), width: 64, height: 64, isFullRange: false, matrix },
    luma: plane(y, 64),
    chroma: [plane(cb, 32), plane(cr, 32)],
  };
  const { width, height, rgb } = toRgb(planes, 16);
  expect([width, height, rgb.length]).toEqual([16, 16, 768]);
  for (const [i, value] of rgb.entries()) {
    expect(Math.abs(value - (wanted[i % 3] ?? 0))).toBeLessThanOrEqual(4);
  }
});

test.for([
  ['wide', 2, 32, 32, 12],
  ['tall', 0.25, 24, 8, 24],
  ['small', 1, 640, 64, 48],
] as const)('RGB of a %s picture fits a square', ([, aspect, side, width, height]) => {
  expect(toRgb(grey(aspect), side)).toMatchObject({ width, height });
});

test.for([
  ['a square in the middle', [0.5, 0.5, 0.05, 0.05], 640, 360, 1, 416, [312, 312]],
  ['as large as the box', [0.2, 0.1, 0.5, 0.9], 640, 360, 1, 416, [324, 324]],
  ['moved into the picture', [-0.05, 0.9, 0.2, 0.4], 1920, 1080, 1, 416, [432, 432]],
  ['as high as the picture', [0.3, 0.4, 0.7, 0.2], 640, 360, 1, 416, [448, 360]],
  ['of a tall picture', [0.3, 0.4, 0.2, 0.2], 360, 640, 1, 416, [312, 312]],
  ['of wide samples', [0.3, 0.4, 0.2, 0.2], 320, 360, 2, 416, [312, 312]],
  ['of 4K', [0.3, 0.4, 0.05, 0.05], 3840, 2160, 1, 416, [312, 312]],
] as const)('a part %s', ([, [x, y, boxWidth, boxHeight], width, height, aspect, side, size]) => {
  const box = { x, y, width: boxWidth, height: boxHeight };
  const part = partAround(box, { width, height, aspect }, side) ?? WHOLE;
  expect([part.width * width * aspect, part.height * height].map(Math.round)).toEqual(size);
  expect(part.x).toBeGreaterThanOrEqual(0);
  expect(part.x + part.width).toBeLessThanOrEqual(1 + 1e-9);
  expect(part.y + part.height).toBeLessThanOrEqual(1 + 1e-9);
  expect(part.x).toBeLessThanOrEqual(Math.max(x, 0) + 1e-9);
  expect(part.y + part.height).toBeGreaterThanOrEqual(Math.min(1, y + boxHeight) - 1e-9);
});

test.for([
  ['most of the picture moves', [0, 0.4, 0.8, 0.2], 640, 360],
  ['two far corners move', [0, 0, 1, 1], 1920, 1080],
  ['the picture is small', [0.5, 0.5, 0.1, 0.1], 400, 300],
  ['the box is none', [Number.NaN, 0, Number.NaN, 1], 640, 360],
] as const)('the whole picture if %s', ([, [x, y, boxWidth, boxHeight], width, height]) => {
  expect(partAround({ x, y, width: boxWidth, height: boxHeight }, { width, height, aspect: 1 }, 416)).toBeUndefined();
});

test('a part of 1080p has the pixels of the picture, in the colours of the whole one', () => {
  const [width, height] = [1920, 1080];
  const plane = (columns: number, rows: number, at: (x: number, y: number) => number) => ({
    samples: Uint8Array.from({ length: columns * rows }, (_, i) => at(i % columns, Math.floor(i / columns))),
    stride: columns,
  });
  // The luma of a pixel says where it is; red in the right half, for the matrix of HD that the stream does not name.
  const planes: Planes = {
    ...{ ...grey(1), width, height, isFullRange: false, matrix: 2 },
    luma: plane(width, height, (x, y) => 16 + ((x + y) % 200)),
    chroma: [plane(960, 540, () => 102), plane(960, 540, (x) => (x < 480 ? 128 : 240))],
  };
  const { width: across, height: down, part, rgb } = toRgb(planes, 416, { x: 0.7, y: 0.7, width: 0.1, height: 0.1 });
  const [left, top] = [part.x * width, part.y * height];
  expect([across, down]).toEqual([part.width * width, part.height * height].map(Math.round));
  expect(across).toBeGreaterThanOrEqual(312);
  expect(across).toBeLessThanOrEqual(316);
  const whole = toRgb(planes, width).rgb;
  for (const [x, y] of [
    [0, 0],
    [100, 37],
    [305, 305],
  ] as const) {
    const at = 3 * (y * across + x);
    const same = 3 * (Math.round(top + y) * width + Math.round(left + x));
    expect([...rgb.subarray(at, at + 3)]).toEqual([...whole.subarray(same, same + 3)]);
  }
});

test('the part of an interlaced picture begins with its first field', () => {
  const samples = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => (Math.floor(i / WIDTH) % 2 === 0 ? 200 : 0));
  const planes = { ...grey(1), luma: { samples, stride: WIDTH }, isInterlaced: true };
  const made = toRgb(planes, 16, { x: 0.3, y: 0.3, width: 0.1, height: 0.1 });
  expect(made.part.height).toBeLessThan(1);
  expect(new Set(made.rgb)).toEqual(new Set([200]));
});

test('a part is at least what was wanted, of the picture alone', () => {
  for (const [begin, size] of [
    [0.999, 0.5],
    [-2, 1],
    [0.37, 0.001],
    [0, 1],
  ] as const) {
    const { planes, part } = partOfPlanes(grey(1), { x: begin, y: begin, width: size, height: size });
    expect([planes.width, planes.height]).toEqual([part.width * WIDTH, part.height * HEIGHT]);
    expect(planes.width).toBeGreaterThan(0);
    expect(toRgb(planes, 416).rgb.every((value) => value === 128)).toBe(true);
    expect(part.x + part.width).toBeLessThanOrEqual(1);
  }
});
