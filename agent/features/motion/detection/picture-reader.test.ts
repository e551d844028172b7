import { expect, test } from 'vitest';
import {
  H264_PPS,
  H264_SPS,
  H264_UNITS,
  H265_PPS,
  H265_SPS,
  H265_UNITS,
  H265_VPS,
} from '../../../../test/support/media/tiny-streams.ts';
import { hex, sampleOf } from '../../../../test/support/media/units.ts';
import { h264Track } from '../../../media/h264/params.ts';
import { h265Track } from '../../../media/h265/params.ts';
import { SLICE_TYPE } from '../../../media/payload/slice-reader.ts';
import { PictureReader } from './track-motion.ts';

const { i, p, b } = SLICE_TYPE;

test.for([
  ['H.264', h264Track(hex(H264_SPS), [hex(H264_PPS)]), H264_UNITS, { type: p, qp: 46, bytes: 88 }],
  ['H.265', h265Track(hex(H265_VPS), hex(H265_SPS), [hex(H265_PPS)]), H265_UNITS, { type: p, qp: 50, bytes: 35 }],
] as const)('types, quantisers and sizes of the pictures of %s', ([, track, units, picture]) => {
  const reader = new PictureReader(track);
  const pictures = units.map(([, nal]) => {
    expect(reader.read(sampleOf(hex(nal)))).toBe(true);
    return { type: reader.type, qp: reader.qp, bytes: reader.bytes };
  });
  expect(pictures.slice(0, 1)).toMatchObject([{ type: i, bytes: (units[0]?.[1].length ?? 0) / 2 }]);
  expect(new Set(pictures.map(({ type }) => type))).toEqual(new Set([i, p, b]));
  expect(pictures).toContainEqual(picture);
});

test('slices of a picture count together, and a sample without slices is none', () => {
  const [first = '', second = ''] = H264_UNITS.map(([, nal]) => nal);
  const reader = new PictureReader(h264Track(hex(H264_SPS), [hex(H264_PPS)]));
  expect(reader.read(sampleOf(hex(first), hex(second)))).toBe(true);
  expect(reader.bytes).toBe((first.length + second.length) / 2);
  expect(reader.read(sampleOf(hex('0605 0102 80')))).toBe(false);
  expect(reader.read(hex('ffffffff 65'))).toBe(false);
});
