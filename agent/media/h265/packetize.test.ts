import { expect, test } from 'vitest';
import { H265_PPS, H265_SPS, H265_VPS } from '../../../test/support/media/tiny-streams.ts';
import { hex, payloadsOf, sampleOf, toHex } from '../../../test/support/media/units.ts';
import { packetizeH265, packetizeH265Parameters } from './packetize.ts';
import { h265Track } from './params.ts';

const TRACK = h265Track(hex(H265_VPS), hex(H265_SPS), [hex(H265_PPS)]);
const sizeOf = (nal: string) => hex(nal).length.toString(16).padStart(4, '0');

test.for([
  ['a NAL unit that fits goes alone', ['260101020304'], 6, ['260101020304 marker']],
  ['the marker is on the last NAL unit', ['4e0101', '26010102'], 6, ['4e0101', '26010102 marker']],
  ['a larger one is cut into fragmentation units', ['26010102030405'], 6, ['620193010203', '6201530405 marker']],
  ['type and layer bits stay', ['020a0102030405'], 6, ['620a81010203', '620a410405 marker']],
] as const)('%s', ([, nals, limit, expected]) => {
  const sent = payloadsOf((sink) => packetizeH265(sampleOf(...nals.map(hex)), limit, true, sink));
  expect(sent.map(({ bytes, marker }) => `${toHex(bytes)}${marker ? ' marker' : ''}`)).toEqual(expected);
});

test('parameter sets go together if they fit, never with the marker', () => {
  const sent = payloadsOf((sink) => packetizeH265Parameters(TRACK, 1200, sink));
  const expected = [H265_VPS, H265_SPS, H265_PPS].map((nal) => sizeOf(nal) + nal).join('');
  expect(sent.map(({ bytes, marker }) => [toHex(bytes), marker])).toEqual([[`6001${expected}`, false]]);
});

test('parameter sets that do not fit together go alone', () => {
  const sent = payloadsOf((sink) => packetizeH265Parameters(TRACK, 60, sink));
  expect(sent.map(({ bytes }) => toHex(bytes))).toEqual([H265_VPS, H265_SPS, H265_PPS]);
});
