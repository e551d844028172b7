import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { H264_PPS, H264_SPS, H264_UNITS } from '../../../../test/support/media/tiny-streams.ts';
import { hex, sampleOf } from '../../../../test/support/media/units.ts';
import { BLOCK } from '../../payload/block-field.ts';
import { h264Track } from '../params.ts';
import { H264BlockReader } from './block-reader.ts';

const readerOf = (sps = H264_SPS) => new H264BlockReader(h264Track(hex(sps), [hex(H264_PPS)]));
const units = H264_UNITS.map(([, nal]) => sampleOf(hex(nal)));

test('flags, vectors, distances and bits of the blocks of each picture', () => {
  const reader = readerOf();
  const { field } = reader;
  expect([field.columns, field.rows]).toEqual([4, 4]);
  const pictures = units.map((unit) => {
    expect(reader.read(unit)).toBe(true);
    return {
      intra: field.flags.reduce((sum, flags) => sum + (flags & BLOCK.intra ? 1 : 0), 0),
      distances: [...new Set(field.distances)].sort((a, b) => a - b),
      bits: field.bits.reduce((sum, bits) => sum + bits, 0),
    };
  });
  expect(pictures[0]).toMatchObject({ intra: 16, distances: [0] });
  expect(pictures[1]?.intra).toBeLessThan(16);
  // A P picture four after the first one, and a B picture between both.
  expect(pictures[1]?.distances.at(-1)).toBe(4);
  expect(pictures[2]?.distances.at(-1)).toBe(2);
  for (const [i, { bits }] of pictures.entries()) {
    const size = 8 * (units[i]?.length ?? 0);
    expect(bits).toBeGreaterThan(size / 2 - 64);
    expect(bits).toBeLessThanOrEqual(size);
  }
});

test('a picture without its reference is read, after pictures that were only followed as well', () => {
  const [whole, late] = [readerOf(), readerOf()];
  for (const [i, unit] of units.entries()) {
    expect(whole.read(unit)).toBe(true);
    if (i < 5) {
      late.follow(unit);
    } else {
      expect(late.read(unit)).toBe(true);
    }
    if (i === 5 || i === 8) {
      // A P picture depends on no other one.
      expect([late.field.x, late.field.distances]).toEqual([whole.field.x, whole.field.distances]);
    }
  }
});

test('slices that end too early or late are refused', () => {
  for (const [, nal] of H264_UNITS) {
    const reader = readerOf();
    const bytes = hex(nal);
    expect(reader.read(sampleOf(bytes.subarray(0, bytes.length - 2)))).toBe(false);
    expect(reader.read(sampleOf(Uint8Array.of(...bytes, 0x80)))).toBe(false);
  }
});

test('a reader reads the next valid picture after garbage', () => {
  const reader = readerOf();
  const next = random(5);
  for (let i = 0; i < 50; i += 1) {
    const garbage = Uint8Array.from({ length: 400 }, () => Math.floor(next() * 256));
    garbage[0] = i % 2 === 0 ? 0x41 : 0x65;
    reader.read(sampleOf(garbage));
  }
  expect(units.map((unit) => reader.read(unit))).toEqual(units.map(() => true));
});
