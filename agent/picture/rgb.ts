import type { Pixels } from './contracts.ts';
import type { JpegPicture } from './jpeg.ts';

/** ITU-T T.871 (JFIF) §7. Chroma is the mean of four pixels, at the edges of those that are there. */
export function jpegPictureOf({ width, height, rgb }: Pixels): JpegPicture {
  const [columns, rows] = [(width + 1) >> 1, (height + 1) >> 1];
  const luma = new Uint8ClampedArray(width * height);
  const cb = new Uint8ClampedArray(columns * rows);
  const cr = new Uint8ClampedArray(columns * rows);
  for (let i = 0, at = 0; i < luma.length; i += 1, at += 3) {
    luma[i] = 0.299 * (rgb[at] as number) + 0.587 * (rgb[at + 1] as number) + 0.114 * (rgb[at + 2] as number);
  }
  for (let row = 0, i = 0; row < rows; row += 1) {
    const first = 3 * 2 * row * width;
    const second = 2 * row + 1 < height ? first + 3 * width : first;
    for (let column = 0; column < columns; column += 1, i += 1) {
      const left = 6 * column;
      const right = 2 * column + 1 < width ? left + 3 : left;
      const mean = (colour: number): number => {
        const at = (start: number): number => rgb[start + colour] as number;
        return (at(first + left) + at(first + right) + at(second + left) + at(second + right)) / 4;
      };
      const [red, green, blue] = [mean(0), mean(1), mean(2)];
      cb[i] = 128 - 0.168736 * red - 0.331264 * green + 0.5 * blue;
      cr[i] = 128 + 0.5 * red - 0.418688 * green - 0.081312 * blue;
    }
  }
  return { width, height, luma, chroma: [cb, cr] };
}
