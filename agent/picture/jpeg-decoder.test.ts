import { expect, test } from 'vitest';
import { mutate } from '../../test/support/base/mutate.ts';
import { random } from '../../test/support/base/random.ts';
import { PerchError } from '../base/errors.ts';
import { parseJpeg, writeJfifHeader } from '../media/mjpeg/params.ts';
import { encodeJpeg, type JpegPicture } from './jpeg.ts';
import { decodeJpeg } from './jpeg-decoder.ts';

/** Slopes and edges, in all planes. */
function pictureOf(width: number, height: number): JpegPicture {
  const [columns, rows] = [(width + 1) >> 1, (height + 1) >> 1];
  const plane = (across: number, down: number, value: (x: number, y: number) => number) =>
    Uint8ClampedArray.from({ length: across * down }, (_, i) => value(i % across, Math.floor(i / across)));
  return {
    ...{ width, height },
    luma: plane(width, height, (x, y) => 40 + 2 * x + y + (x % 24 < 12 ? 60 : 0)),
    chroma: [plane(columns, rows, (x) => 60 + 4 * x), plane(columns, rows, (_, y) => 200 - 3 * y)],
  };
}

function largestDifference(jpeg: Uint8Array, { luma, chroma, width, height }: JpegPicture): number {
  const decoded = decodeJpeg(jpeg);
  expect([decoded.width, decoded.height]).toEqual([width, height]);
  const differences = (of: (typeof decoded)['luma'] | undefined, plane: Uint8ClampedArray, across: number): number =>
    Math.max(
      ...Array.from(plane, (value, i) => {
        const at = Math.floor(i / across) * (of?.stride ?? 0) + (i % across);
        return Math.abs(value - (of?.samples[at] ?? Number.NaN));
      }),
    );
  const columns = (width + 1) >> 1;
  return Math.max(
    differences(decoded.luma, luma, width),
    differences(decoded.chroma?.[0], chroma[0], columns),
    differences(decoded.chroma?.[1], chroma[1], columns),
  );
}

test.for([
  [96, 64],
  [17, 33],
  [1, 1],
] as const)('a JPEG of %i x %i pixels has the samples of its picture', ([width, height]) => {
  const picture = pictureOf(width, height);
  expect(largestDifference(encodeJpeg(picture, 99), picture)).toBeLessThanOrEqual(4);
});

/** A row of MCUs, each with the restart marker of its number before it. */
function withRestarts(count: number, markerOf = (i: number): number => 0xd0 + ((i - 1) & 7)): Uint8Array {
  const one = encodeJpeg(pictureOf(16, 16), 99);
  const { scanStart, scanEnd, tables } = parseJpeg(one);
  const scan = one.subarray(scanStart, scanEnd);
  const header = writeJfifHeader({ type: 1, width: 16 * count, height: 16, restartInterval: 1, tables });
  const scans = Array.from({ length: count }, (_, i) => [...(i === 0 ? [] : [0xff, markerOf(i)]), ...scan]);
  return Uint8Array.from([...header, ...scans.flat(), 0xff, 0xd9]);
}

test('each restart interval begins anew', () => {
  const { luma } = decodeJpeg(withRestarts(10));
  const first = decodeJpeg(encodeJpeg(pictureOf(16, 16), 99)).luma;
  for (let i = 0; i < 10; i += 1) {
    expect(luma.samples.subarray(16 * i, 16 * i + 16)).toEqual(first.samples.subarray(0, 16));
  }
});

test.for<[string, () => Uint8Array, RegExp]>([
  ['no bytes', () => new Uint8Array(), /does not begin with SOI/],
  ['half of its scan', () => encodeJpeg(pictureOf(96, 64)).slice(0, 1_200), /the picture is damaged/],
  ['another marker where it restarts', () => withRestarts(3, () => 0xd9), /the picture is damaged/],
  [
    'a size of 65,535 pixels a side',
    () => writeJfifHeader({ type: 1, width: 65_535, height: 65_535, restartInterval: 0, tables: new Uint8Array(128) }),
    /65535x65535 pixels is too large/,
  ],
  [
    'a progressive scan',
    () => encodeJpeg(pictureOf(16, 16)).map((byte, i, all) => (all[i - 1] === 0xff && byte === 0xc0 ? 0xc2 : byte)),
    /^JPEG that Perch cannot decode: it is not baseline \(SOF2\)$/,
  ],
])('a JPEG with %s is rejected', ([, jpeg, reason]) => {
  expect(() => decodeJpeg(jpeg())).toThrow(reason);
  expect(() => decodeJpeg(jpeg())).toThrow(PerchError);
});

test('any bytes are decoded or rejected', () => {
  const next = random(6);
  const [plain, restarting] = [encodeJpeg(pictureOf(96, 64)), withRestarts(6)];
  let decoded = 0;
  for (let i = 0; i < 1_000; i += 1) {
    try {
      const { width, height } = decodeJpeg(Uint8Array.from(mutate(i % 2 === 0 ? plain : restarting, next)));
      expect(width * height).toBeLessThanOrEqual(8_192 * 4_352);
      decoded += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(decoded).toBeGreaterThan(50);
});
