import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { sampleOf } from '../../../test/support/media/units.ts';
import { SampleBuffer } from './sample-buffer.ts';

const OPTIONS = { maxSampleBytes: 100_000, minSlabBytes: 4096, maxSlabBytes: 32_768 };
const bytes = (size: number, value: number) => new Uint8Array(size).fill(value);

test('units of random sizes are returned unchanged, and stay unchanged', () => {
  const next = random(1);
  const buffer = new SampleBuffer(OPTIONS);
  const given: [Uint8Array, Uint8Array][] = [];
  for (let unit = 0; unit < 500; unit += 1) {
    const nals: Uint8Array[] = [];
    const nalCount = 1 + Math.floor(next() * 4);
    for (let i = 0; i < nalCount; i += 1) {
      const nal = bytes(1 + Math.floor(next() ** 4 * 20_000), unit & 0xff);
      nals.push(nal);
      buffer.beginNal();
      for (let at = 0; at < nal.length; at += 1400) {
        expect(buffer.append(nal, at, Math.min(at + 1400, nal.length))).toBe(true);
      }
      buffer.endNal();
    }
    given.push([buffer.take(), sampleOf(...nals)]);
  }
  for (const [unit, expected] of given) {
    expect(Buffer.compare(unit, expected)).toBe(0);
  }
});

test('neighbouring units share a slab, so that little memory is held', () => {
  const buffer = new SampleBuffer(OPTIONS);
  const slabs = new Set<ArrayBufferLike>();
  for (let unit = 0; unit < 1000; unit += 1) {
    buffer.append(bytes(200, 1), 0, 200);
    slabs.add(buffer.take().buffer);
  }
  const held = [...slabs].reduce((sum, slab) => sum + slab.byteLength, 0);
  expect(held).toBeLessThan(1.2 * 200_000);
});

test('a unit beyond the limit is rejected and can be dropped', () => {
  const buffer = new SampleBuffer(OPTIONS);
  expect(buffer.append(bytes(99_999, 1), 0, 99_999)).toBe(true);
  expect(buffer.append(bytes(2, 1), 0, 2)).toBe(false);
  expect(buffer.appendByte(1)).toBe(true);
  expect(buffer.beginNal()).toBe(false);
  buffer.drop();
  buffer.append(bytes(3, 7), 0, 3);
  expect(buffer.take()).toEqual(bytes(3, 7));
});

test('a NAL unit that is taken back leaves nothing, also after a move to another slab', () => {
  const buffer = new SampleBuffer(OPTIONS);
  buffer.beginNal();
  buffer.append(bytes(4000, 1), 0, 4000);
  buffer.endNal();
  buffer.beginNal();
  buffer.append(bytes(9000, 2), 0, 9000);
  buffer.cancelNal();
  expect(buffer.take()).toEqual(sampleOf(bytes(4000, 1)));
});
