import { expect, test } from 'vitest';
import type { Planes } from './contracts.ts';
import { toJpegPicture } from './scale.ts';

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
