import type { PicturePart, Planes, RgbPicture } from './contracts.ts';
import type { JpegPicture } from './jpeg.ts';
import { partAround, partOfPlanes, WHOLE } from './part.ts';

/** MatrixCoefficients of ITU-T H.273 and their Kr and Kb. */
const MATRICES: ReadonlyMap<number, readonly [number, number]> = new Map([
  [1, [0.2126, 0.0722]],
  [4, [0.3, 0.11]],
  [5, [0.299, 0.114]],
  [6, [0.299, 0.114]],
  [7, [0.212, 0.087]],
  [9, [0.2627, 0.0593]],
  [10, [0.2627, 0.0593]],
]);
const BT601 = 6;
const BT709 = 1;
/** From this height on, a stream that does not name its matrix is taken to be BT.709, as in browsers. */
const MIN_HD_HEIGHT = 720;
/** Maximum width of the JPEG in pixels; the format allows 65,535. */
const MAX_SIDE = 16_384;

type Rows = Uint8Array | Uint16Array | Float32Array;

/**
 * Converts a picture for the JPEG encoder. An interlaced one gives its first field: both would show a moving object twice.
 * @param width of the JPEG, limited to that of the picture with square samples, or undefined for that of the picture
 */
export function toJpegPicture(planes: Planes, width: number | undefined): JpegPicture {
  const shownWidth = planes.width * planes.aspect;
  const outWidth = Math.min(width ?? MAX_SIDE, Math.max(Math.round(shownWidth), 1), MAX_SIDE);
  // Never enlarged: a stream may claim any aspect ratio.
  const outHeight = Math.min(Math.max(Math.round((planes.height * outWidth) / shownWidth), 1), planes.height);
  const field = planes.isInterlaced ? 2 : 1;
  const luma = {
    samples: planes.luma.samples,
    stride: planes.luma.stride * field,
    width: planes.width,
    height: Math.ceil(planes.height / field),
  };
  const picture = {
    width: outWidth,
    height: outHeight,
    luma: new Uint8ClampedArray(outWidth * outHeight),
    chroma: [chromaPlane(outWidth, outHeight), chromaPlane(outWidth, outHeight)] as const,
  };
  const y = resized(luma, outWidth, outHeight);
  if (!planes.chroma) {
    const [scale, offset] = lumaRange(planes);
    for (let i = 0; i < y.length; i += 1) {
      picture.luma[i] = (y[i] as number) * scale + offset;
    }
    return picture;
  }
  const size = {
    width: Math.ceil(planes.width / (1 << planes.chromaX)),
    height: Math.ceil(Math.ceil(planes.height / (1 << planes.chromaY)) / field),
  };
  const [cb, cr] = planes.chroma.map(({ samples, stride }) =>
    resized({ samples, stride: stride * field, ...size }, (outWidth + 1) >> 1, (outHeight + 1) >> 1),
  ) as [Rows, Rows];
  convert(planes, y, cb, cr, picture);
  return picture;
}

/**
 * As `toJpegPicture`, in RGB.
 * @param side longest side of the result in pixels, limited to that of its part of the picture
 * @param around what the result has to show, or undefined for the whole picture
 */
export function toRgb(whole: Planes, side: number, around?: PicturePart): Omit<RgbPicture, 'time'> {
  const wanted = around && partAround(around, whole, side);
  const { planes, part } = wanted
    ? partOfPlanes({ ...whole, matrix: matrixOf(whole) }, wanted)
    : { planes: whole, part: WHOLE };
  const shownWidth = planes.width * planes.aspect;
  const isWide = shownWidth >= planes.height;
  const picture = toJpegPicture(planes, isWide ? side : Math.max(1, Math.round((side * shownWidth) / planes.height)));
  const { width, height, luma } = picture;
  const [cb, cr] = picture.chroma;
  const rgb = new Uint8ClampedArray(3 * width * height);
  const chromaWidth = (width + 1) >> 1;
  for (let row = 0, at = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, at += 3) {
      const chroma = (row >> 1) * chromaWidth + (column >> 1);
      const y = luma[row * width + column] as number;
      const b = (cb[chroma] as number) - 128;
      const r = (cr[chroma] as number) - 128;
      // ITU-T T.871 §7.
      rgb[at] = y + 1.402 * r;
      rgb[at + 1] = y - 0.344136 * b - 0.714136 * r;
      rgb[at + 2] = y + 1.772 * b;
    }
  }
  return { width, height, part, rgb: new Uint8Array(rgb.buffer) };
}

/** A grey chroma plane. */
const chromaPlane = (width: number, height: number): Uint8ClampedArray =>
  new Uint8ClampedArray(((width + 1) >> 1) * ((height + 1) >> 1)).fill(128);

function lumaRange({ bits, isFullRange }: Planes): [number, number] {
  const unit = 1 << (bits - 8);
  return isFullRange ? [255 / (256 * unit - 1), 0] : [255 / (219 * unit), (-16 * 255) / 219];
}

/** Converts from the picture's range and matrix to full range and BT.601. */
function convert(planes: Planes, y: Rows, cb: Rows, cr: Rows, { width, height, luma, chroma }: JpegPicture): void {
  const unit = 1 << (planes.bits - 8);
  const [scale, offset] = lumaRange(planes);
  const chromaScale = planes.isFullRange ? 255 / (256 * unit - 1) : 255 / (224 * unit);
  const zero = 128 * unit;
  const { lumaOfCb, lumaOfCr, cbOfCb, cbOfCr, crOfCb, crOfCr } = changeOf(planes);
  const [outCb, outCr] = chroma;
  for (let row = 0, at = 0; row < height; row += 2) {
    for (let column = 0; column < width; column += 2, at += 1) {
      const b = ((cb[at] as number) - zero) * chromaScale;
      const r = ((cr[at] as number) - zero) * chromaScale;
      outCb[at] = 128 + b * cbOfCb + r * cbOfCr;
      outCr[at] = 128 + b * crOfCb + r * crOfCr;
      const moved = offset + b * lumaOfCb + r * lumaOfCr;
      const first = row * width + column;
      const isWide = column + 1 < width;
      luma[first] = (y[first] as number) * scale + moved;
      if (isWide) {
        luma[first + 1] = (y[first + 1] as number) * scale + moved;
      }
      if (row + 1 < height) {
        const second = first + width;
        luma[second] = (y[second] as number) * scale + moved;
        if (isWide) {
          luma[second + 1] = (y[second + 1] as number) * scale + moved;
        }
      }
    }
  }
}

function matrixOf({ matrix, height }: Planes): number {
  return MATRICES.has(matrix) ? matrix : height >= MIN_HD_HEIGHT ? BT709 : BT601;
}

/** Coefficients that turn Cb and Cr of the picture's matrix into Y, Cb and Cr of BT.601. */
function changeOf(planes: Planes) {
  const [kr, kb] = MATRICES.get(matrixOf(planes)) as readonly [number, number];
  const [toKr, toKb] = MATRICES.get(BT601) as readonly [number, number];
  const kg = 1 - kr - kb;
  /** Y, Cb and Cr of BT.601 for Cb and Cr of the picture's matrix with Y = 0. */
  const from = (cb: number, cr: number): [number, number, number] => {
    const red = 2 * (1 - kr) * cr;
    const blue = 2 * (1 - kb) * cb;
    const green = -(kr * red + kb * blue) / kg;
    const luma = toKr * red + (1 - toKr - toKb) * green + toKb * blue;
    return [luma, (blue - luma) / (2 * (1 - toKb)), (red - luma) / (2 * (1 - toKr))];
  };
  const [lumaOfCb, cbOfCb, crOfCb] = from(1, 0);
  const [lumaOfCr, cbOfCr, crOfCr] = from(0, 1);
  return { lumaOfCb, lumaOfCr, cbOfCb, cbOfCr, crOfCb, crOfCr };
}

interface Source {
  readonly samples: Uint8Array | Uint16Array;
  readonly stride: number;
  readonly width: number;
  readonly height: number;
}

/** Each sample of the result is the mean of the source area that it covers. */
function resized(source: Source, width: number, height: number): Rows {
  const { samples, stride } = source;
  if (width === source.width && height === source.height && stride === width) {
    return samples;
  }
  const out = new Float32Array(width * height);
  const sums = new Float32Array(width);
  const columns = overlaps(source.width, width);
  for (const [row, { first, last, firstPart, lastPart, size }] of overlaps(source.height, height).entries()) {
    sums.fill(0);
    for (let y = first; y <= last; y += 1) {
      addRow(samples, y * stride, columns, y === first ? firstPart : y === last ? lastPart : 1, sums);
    }
    const at = row * width;
    for (let x = 0; x < width; x += 1) {
      out[at + x] = (sums[x] as number) / size;
    }
  }
  return out;
}

function addRow(
  samples: Uint8Array | Uint16Array,
  at: number,
  columns: readonly Overlap[],
  part: number,
  sums: Float32Array,
): void {
  for (let x = 0; x < columns.length; x += 1) {
    const { first, last, firstPart, lastPart, size } = columns[x] as Overlap;
    let sum = (samples[at + first] as number) * firstPart;
    for (let i = first + 1; i < last; i += 1) {
      sum += samples[at + i] as number;
    }
    if (last > first) {
      sum += (samples[at + last] as number) * lastPart;
    }
    sums[x] = (sums[x] as number) + (sum * part) / size;
  }
}

/** The source samples that make a new one. Those between the first and the last count wholly. */
interface Overlap {
  readonly first: number;
  readonly last: number;
  readonly firstPart: number;
  readonly lastPart: number;
  readonly size: number;
}

function overlaps(from: number, to: number): Overlap[] {
  const size = from / to;
  return Array.from({ length: to }, (_, i) => {
    const [start, end] = [i * size, (i + 1) * size];
    const first = Math.min(Math.floor(start), from - 1);
    // A rounding error must not include the next sample.
    const last = Math.min(Math.max(Math.ceil(end - 1e-9) - 1, first), from - 1);
    return { first, last, firstPart: Math.min(first + 1, end) - start, lastPart: end - last, size };
  });
}
