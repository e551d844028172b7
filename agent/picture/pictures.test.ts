import { expect, onTestFinished, test } from 'vitest';
import { mutate } from '../../test/support/base/mutate.ts';
import { random } from '../../test/support/base/random.ts';
import { KEY_FRAMES } from '../../test/support/media/tiny-streams.ts';
import { PerchError } from '../base/errors.ts';
import { parseJpeg } from '../media/mjpeg/params.ts';
import { decodePicture } from './decoder.ts';
import { Pictures } from './pictures.ts';

const CODECS = ['h264', 'h265'] as const;

function openPictures(options?: ConstructorParameters<typeof Pictures>[0]): Pictures {
  const pictures = new Pictures(options);
  onTestFinished(() => pictures.close());
  return pictures;
}

test.for(CODECS)(
  'a key frame of %s becomes a JPEG, also after the worker has ended for want of work',
  async (codec) => {
    const pictures = openPictures({ maxTaskMs: 60_000, idleMs: 0 });
    for (const width of [undefined, 48]) {
      const { jpeg } = await pictures.make({ coded: KEY_FRAMES[codec](), width });
      expect(parseJpeg(jpeg)).toMatchObject({ width: width ?? 96, height: ((width ?? 96) * 64) / 96 });
    }
  },
);

test('a picture that takes too long ends with its worker, and the next one is made', async () => {
  const limits = { maxTaskMs: 1, idleMs: 1_000 };
  const pictures = openPictures(limits);
  const make = () => pictures.make({ coded: KEY_FRAMES.h264(), width: undefined });
  const slow = [make(), make()];
  for (const result of await Promise.allSettled(slow)) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'timeout' } });
  }
  limits.maxTaskMs = 60_000;
  expect((await make()).jpeg.length).toBeGreaterThan(1_000);
});

test('more pictures than may wait are rejected, the others are made', async () => {
  const pictures = openPictures();
  const made = Array.from({ length: 20 }, () => pictures.make({ coded: KEY_FRAMES.h264(), width: undefined }));
  const results = await Promise.allSettled(made);
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(16);
  for (const result of results.slice(16)) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'exhausted' } });
  }
});

test('pictures that wait when Perch ends are rejected', async () => {
  const pictures = new Pictures();
  const made = Array.from({ length: 3 }, () => pictures.make({ coded: KEY_FRAMES.h264(), width: undefined }));
  const results = Promise.allSettled(made);
  await pictures.close();
  expect((await results).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  await expect(pictures.make({ coded: KEY_FRAMES.h264(), width: undefined })).rejects.toMatchObject({
    code: 'unavailable',
  });
});

test.for(CODECS)('pictures of %s are decoded in one memory, unless it has become larger than 64 MB', (codec) => {
  const memory = () => decodePicture(KEY_FRAMES[codec]()).luma.samples.buffer;
  const first = memory();
  expect(memory()).toBe(first);
  const samples = [{ data: new Uint8Array(70 << 20), time: 0 }];
  expect(() => decodePicture({ ...KEY_FRAMES[codec](), samples })).toThrow(PerchError);
  expect(memory().byteLength).toBeLessThan(64 << 20);
});

test.for(CODECS)('a damaged key frame of %s is decoded or rejected, and no later one suffers', (codec) => {
  const next = random(codec === 'h264' ? 3 : 4);
  const whole = decodePicture(KEY_FRAMES[codec]());
  const luma = Buffer.from(whole.luma.samples.slice());
  let decoded = 0;
  for (let i = 0; i < 400; i += 1) {
    const coded = KEY_FRAMES[codec]();
    const [{ data } = { data: new Uint8Array() }] = coded.samples;
    const damagesRecord = i % 4 === 0;
    const record = damagesRecord ? Uint8Array.from(mutate(coded.record, next)) : coded.record;
    const samples = [{ data: damagesRecord ? data : Uint8Array.from(mutate(data, next)), time: 0 }];
    try {
      const { width, height, bits } = decodePicture({ ...coded, record, samples });
      expect(width * height).toBeLessThanOrEqual(8_192 * 4_352);
      expect([8, 10]).toContain(bits);
      decoded += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(decoded).toBeGreaterThan(50);
  expect(Buffer.from(decodePicture(KEY_FRAMES[codec]()).luma.samples.slice()).equals(luma)).toBe(true);
});

test.for(CODECS)('a key frame of %s in RGB has the brightness of its decoded picture', async (codec) => {
  const { luma, width, height, isFullRange } = decodePicture(KEY_FRAMES[codec]());
  let sum = 0;
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      sum += luma.samples[row * luma.stride + column] as number;
    }
  }
  const mean = sum / (width * height);
  const made = await openPictures().rgb({ coded: KEY_FRAMES[codec](), side: 48 });
  expect(made).toMatchObject({ width: 48, height: 32 });
  const brightness =
    made.rgb.reduce((all, value, i) => all + value * ([0.299, 0.587, 0.114][i % 3] ?? 0), 0) / (48 * 32);
  expect(Math.abs(brightness - (isFullRange ? mean : ((mean - 16) * 255) / 219))).toBeLessThan(8);
});
