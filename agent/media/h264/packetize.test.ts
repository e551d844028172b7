import { expect, test } from 'vitest';
import { hex, payloadsOf, sampleOf, toHex } from '../../../test/support/media/units.ts';
import { packetizeH264, packetizeH264Parameters } from './packetize.ts';
import { h264Track } from './params.ts';

const SPS = '6742c016d900a02ff970110000030001000003001e0f162e48';
const PPS = '68cb83cb20';
const TRACK = h264Track(hex(SPS), [hex(PPS)]);

const payloads = (nals: readonly string[], limit: number, isLast = true) =>
  payloadsOf((sink) => packetizeH264(sampleOf(...nals.map(hex)), limit, isLast, sink)).map(
    ({ bytes, marker }) => `${toHex(bytes)}${marker ? ' marker' : ''}`,
  );

test.for([
  ['a NAL unit that fits goes alone', ['65010203'], 4, ['65010203 marker']],
  ['the marker is on the last NAL unit', ['0601', '65010203'], 4, ['0601', '65010203 marker']],
  ['a larger one is cut into FU-A', ['6501020304'], 4, ['7c850102', '7c450304 marker']],
  ['fragments are filled up', ['41010203040506'], 5, ['5c81010203', '5c41040506 marker']],
  ['the last fragment may be short', ['4101020304'], 5, ['4101020304 marker']],
  ['an odd rest', ['410102030405'], 5, ['5c81010203', '5c410405 marker']],
] as const)('%s', ([, nals, limit, expected]) => {
  expect(payloads(nals, limit)).toEqual(expected);
});

test('no marker while the access unit continues', () => {
  expect(payloads(['6501020304'], 4, false)).toEqual(['7c850102', '7c450304']);
});

test('parameter sets go together if they fit', () => {
  const [payload, ...rest] = payloadsOf((sink) => packetizeH264Parameters(TRACK, 1200, sink));
  expect(toHex(payload?.bytes ?? hex(''))).toBe(`780019${SPS}0005${PPS}`);
  expect([payload?.marker, rest]).toEqual([false, []]);
});

test('parameter sets that do not fit together go alone', () => {
  const sent = payloadsOf((sink) => packetizeH264Parameters(TRACK, 30, sink));
  expect(sent.map(({ bytes }) => toHex(bytes))).toEqual([SPS, PPS]);
});
