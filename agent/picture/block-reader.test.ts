import { expect, test } from 'vitest';
import { random } from '../../test/support/base/random.ts';
import {
  H264_PPS,
  H264_SPS,
  H264_UNITS,
  H265_PPS,
  H265_SPS,
  H265_UNITS,
  H265_VPS,
} from '../../test/support/media/tiny-streams.ts';
import { hex, sampleOf } from '../../test/support/media/units.ts';
import { h264Track } from '../media/h264/params.ts';
import { h265Track } from '../media/h265/params.ts';
import { BlockReader } from './block-reader.ts';

const CODECS = [
  ['H.264', h264Track(hex(H264_SPS), [hex(H264_PPS)]), H264_UNITS.map(([, nal]) => hex(nal)), [0x41, 0x65]],
  ['H.265', h265Track(hex(H265_VPS), hex(H265_SPS), [hex(H265_PPS)]), H265_UNITS.map(([, nal]) => hex(nal)), [2, 0x28]],
] as const;

test.for(CODECS)('quantisers and bits of the blocks of each picture: %s', ([, track, nals]) => {
  const reader = new BlockReader(track);
  const { field } = reader;
  expect([field.columns, field.rows]).toEqual([4, 4]);
  for (const nal of nals) {
    expect(reader.read(sampleOf(nal))).toBe(true);
    const bits = field.bits.reduce((sum, one) => sum + one, 0);
    const size = 8 * (nal.length + 4);
    expect(bits).toBeGreaterThan(size / 2 - 120);
    expect(bits).toBeLessThanOrEqual(size);
    expect(field.qps.every((qp) => qp > 0 && qp <= 51)).toBe(true);
  }
});

test.for(CODECS)('a picture is read after pictures that were only followed: %s', ([, track, nals]) => {
  const [whole, late] = [new BlockReader(track), new BlockReader(track)];
  for (const [i, nal] of nals.entries()) {
    expect(whole.read(sampleOf(nal))).toBe(true);
    if (i < 5) {
      late.follow(sampleOf(nal));
    } else {
      expect(late.read(sampleOf(nal))).toBe(true);
      expect([late.field.qps, late.field.bits]).toEqual([whole.field.qps, whole.field.bits]);
    }
  }
});

test.for(CODECS)(
  'a picture is refused if its slice has more data than blocks, or fewer, or none: %s',
  ([, track, nals]) => {
    const reads = (after: number, changed: (nal: Uint8Array) => Uint8Array) => {
      const reader = new BlockReader(track);
      for (const nal of nals.slice(0, after)) {
        reader.read(sampleOf(nal));
      }
      return reader.read(sampleOf(changed(nals[after] ?? new Uint8Array(0))));
    };
    for (const i of nals.keys()) {
      expect(reads(i, () => new Uint8Array(0))).toBe(false);
      expect(reads(i, (nal) => Uint8Array.of(...nal, ...Array(20).fill(0x55)))).toBe(false);
    }
    const cut = nals.filter((_, i) => reads(i, (nal) => nal.subarray(0, Math.floor(nal.length / 3))));
    // Skipped blocks take hardly any bits.
    expect(cut.length).toBeLessThan(3);
  },
);

test.for(CODECS)('a start code within a slice is refused, as FFmpeg would take what follows: %s', ([, track, nals]) => {
  const reader = new BlockReader(track);
  const [key = new Uint8Array(0)] = nals;
  expect(reader.read(sampleOf(Uint8Array.of(...key, 0, 0, 1, ...key)))).toBe(false);
  expect(reader.read(sampleOf(key))).toBe(true);
});

test.for(CODECS)('slices that repeat are refused before they take time: %s', ([, track, [key = new Uint8Array(0)]]) => {
  const reader = new BlockReader(track);
  expect(reader.read(sampleOf(...Array.from({ length: 700 }, () => key)))).toBe(false);
  expect(reader.read(sampleOf(key))).toBe(true);
});

test.for(CODECS)('the next valid pictures are read after garbage: %s', ([, track, nals, types]) => {
  const reader = new BlockReader(track);
  const next = random(5);
  for (let i = 0; i < 50; i += 1) {
    const garbage = Uint8Array.from({ length: 400 }, () => Math.floor(next() * 256));
    garbage[0] = types[i % 2] as number;
    garbage[1] = track.codec === 'h265' ? 1 : (garbage[1] as number);
    reader.read(sampleOf(garbage));
  }
  expect(nals.map((nal) => reader.read(sampleOf(nal)))).toEqual(nals.map(() => true));
});

test('pictures beyond level 5.2 are refused', () => {
  const track = h264Track(hex(H264_SPS), [hex(H264_PPS)]);
  // pic_width_in_mbs_minus1 and pic_height_in_map_units_minus1 of 511 and 255.
  const large = { ...track, sps: hex('6742c033da0080007fe94000000400000800003c60c9a80') };
  expect(() => new BlockReader(large)).toThrow();
});
