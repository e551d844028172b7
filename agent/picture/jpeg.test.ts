import { expect, test } from 'vitest';
import { encodeJpeg, jpegPictureOf } from './jpeg.ts';

test.for([
  [
    [255, 0, 0],
    [76, 85, 255],
  ],
  [
    [0, 255, 0],
    [150, 44, 21],
  ],
  [
    [0, 0, 255],
    [29, 255, 107],
  ],
  [
    [90, 90, 90],
    [90, 128, 128],
  ],
] as const)('the colour %j is that of JFIF in the JPEG', ([colour, expected]) => {
  const rgb = Uint8Array.from({ length: 15 * 3 }, (_, i) => colour[i % 3] as number);
  const { luma, chroma, width, height } = jpegPictureOf({ width: 5, height: 3, rgb });
  expect([width, height, luma.length, chroma[0].length, chroma[1].length]).toEqual([5, 3, 15, 6, 6]);
  expect([luma[14], chroma[0][5], chroma[1][5]]).toEqual(expected);
  expect(encodeJpeg({ width, height, luma, chroma }).length).toBeGreaterThan(100);
});
