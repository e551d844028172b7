import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { H265_PPS, H265_SPS, H265_UNITS, H265_VPS } from '../../../../test/support/media/tiny-streams.ts';
import { hex, sampleOf } from '../../../../test/support/media/units.ts';
import { BLOCK } from '../../payload/block-field.ts';
import { h265Track } from '../params.ts';
import { H265BlockReader } from './block-reader.ts';

const readerOf = () => new H265BlockReader(h265Track(hex(H265_VPS), hex(H265_SPS), [hex(H265_PPS)]));
const units = H265_UNITS.map(([, nal]) => sampleOf(hex(nal)));

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
  for (const [i, { bits }] of pictures.entries()) {
    const size = 8 * (units[i]?.length ?? 0);
    expect(bits).toBeGreaterThan(size / 2 - 80);
    expect(bits).toBeLessThanOrEqual(size);
  }
});

test('pictures that were only followed, or are lost, keep none from being read', () => {
  for (const first of [0, 1, 5]) {
    const reader = readerOf();
    const [followed, read] = [units.slice(1, first), units.slice(first)];
    for (const unit of followed) {
      reader.follow(unit);
    }
    expect(read.map((unit) => reader.read(unit))).toEqual(read.map(() => true));
  }
});

test('slices that end too early or late are refused', () => {
  for (const [, nal] of H265_UNITS) {
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
    garbage[0] = i % 2 === 0 ? 0x02 : 0x28;
    garbage[1] = 1;
    reader.read(sampleOf(garbage));
  }
  expect(units.map((unit) => reader.read(unit))).toEqual(units.map(() => true));
});
