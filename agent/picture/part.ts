import type { PicturePart, Planes } from './contracts.ts';

export const WHOLE: PicturePart = { x: 0, y: 0, width: 1, height: 1 };
/** A detector enlarges a part at most by this factor. On `vtest.avi` small persons are found better up to it, and at 2 large ones worse. */
const ENLARGED = 4 / 3;
/** Where parts begin, in samples: there are chroma samples of both fields. */
const STEP = 4;

type Size = Pick<Planes, 'width' | 'height' | 'aspect'>;

/**
 * The part of the picture that shows a box: a square where the picture has room for it, with the box in its middle.
 * @param side longest side in pixels that is made use of
 * @returns undefined: the whole picture
 */
export function partAround(box: PicturePart, { width, height, aspect }: Size, side: number): PicturePart | undefined {
  const shownWidth = width * aspect;
  const least = Math.max(box.width * shownWidth, box.height * height, side / ENLARGED);
  // A larger part shows little more of what it has, and nothing of what it cuts away.
  if (!(least <= 0.75 * Math.max(shownWidth, height))) {
    return undefined;
  }
  const across = Math.min(1, least / shownWidth);
  const down = Math.min(1, least / height);
  const begin = (middle: number, size: number): number => Math.min(Math.max(middle - size / 2, 0), 1 - size);
  return {
    x: begin(box.x + box.width / 2, across),
    y: begin(box.y + box.height / 2, down),
    width: across,
    height: down,
  };
}

/** The samples of a part of the picture, not copied. @returns them, and the part that they are: at least the wanted one */
export function partOfPlanes(
  planes: Planes,
  wanted: PicturePart,
): { readonly planes: Planes; readonly part: PicturePart } {
  const { luma, chroma, chromaX, chromaY } = planes;
  const [left, right] = ends(wanted.x, wanted.width, planes.width);
  const [top, bottom] = ends(wanted.y, wanted.height, planes.height);
  const from = ({ samples, stride }: Planes['luma'], x: number, y: number): Planes['luma'] => ({
    samples: samples.subarray(y * stride + x),
    stride,
  });
  const [width, height] = [right - left, bottom - top];
  return {
    planes: {
      ...{ ...planes, width, height },
      luma: from(luma, left, top),
      chroma: chroma && [
        from(chroma[0], left >> chromaX, top >> chromaY),
        from(chroma[1], left >> chromaX, top >> chromaY),
      ],
    },
    part: {
      x: left / planes.width,
      y: top / planes.height,
      width: width / planes.width,
      height: height / planes.height,
    },
  };
}

/** First sample of a part in one direction, and the one after its last. */
function ends(begin: number, size: number, samples: number): [number, number] {
  const first = Math.max(0, Math.min(Math.floor((begin * samples) / STEP) * STEP, samples - 1));
  return [first, Math.max(first + 1, Math.min(Math.ceil((begin + size) * samples), samples))];
}
