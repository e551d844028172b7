import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { H264_PPS, H264_SPS, H264_UNITS } from '../../../test/support/media/tiny-streams.ts';
import { Collector, hex, rtpFormat, toHex } from '../../../test/support/media/units.ts';
import { PerchError } from '../../base/errors.ts';
import { createDepacketizer } from '../codecs.ts';
import { h264Track, parseH264Pps } from './params.ts';
import { h264Placeholder } from './placeholder.ts';

const BASELINE_SPS = '6742c016d900a02ff970110000030001000003001e0f162e48';
const BASELINE_PPS = '68cb83cb20';
/** PPS 255 of SPS 0, CAVLC, redundant pictures allowed. */
const PPS = '6800804e3980';
const END_OF_SEQUENCE = '0a';

// P slice of PPS 255: frame number and order count of as many bits as the SPS says, redundant_pic_cnt 1.
test.for([
  ['with picture order counts', H264_SPS, H264_PPS, '019802000023'],
  ['decoded in the order of output', BASELINE_SPS, BASELINE_PPS, '0198020008c0'],
] as const)('the header of a redundant picture of a stream %s, and an end of sequence', ([, sps, pps, slice]) => {
  const payload = h264Placeholder(h264Track(hex(sps), [hex(pps)]));
  expect(toHex(payload ?? hex(''))).toBe(`78 0006${PPS} 0006${slice} 0001${END_OF_SEQUENCE}`.replaceAll(' ', ''));
});

test('its PPS has an id that the stream does not use', () => {
  const idOf = (payload: Uint8Array | undefined) =>
    payload && parseH264Pps(payload.subarray(3, 3 + (payload[2] ?? 0))).id;
  const track = h264Track(hex(H264_SPS), [hex(H264_PPS)]);
  const first = h264Placeholder(track);
  expect(idOf(first)).toBe(255);
  expect(idOf(h264Placeholder({ ...track, pps: [...track.pps, hex(PPS)] }))).toBe(254);
});

test('a receiver counts it as a picture and starts at the key frame after it', () => {
  const out = new Collector();
  const depacketizer = createDepacketizer(rtpFormat('H264', 90_000, 1, {}), out);
  const payload = h264Placeholder(h264Track(hex(H264_SPS), [hex(H264_PPS)])) ?? hex('');
  depacketizer?.push(payload, 0, payload.length, 0, true, false);
  const key = hex(H264_UNITS[0]?.[1] ?? '');
  for (const nal of [hex(H264_SPS), hex(H264_PPS), key]) {
    depacketizer?.push(nal, 0, nal.length, 3_600, nal === key, false);
  }
  expect(out.units.map(({ pts, key: isKey }) => [pts, isKey])).toEqual([[3_600, true]]);
  expect(out.damage).toEqual([]);
});

test('thousands of damaged parameter sets give a small payload or a PerchError', () => {
  const next = random(264);
  for (let round = 0; round < 4000; round += 1) {
    try {
      const payload = h264Placeholder(h264Track(mutate(hex(H264_SPS), next), [mutate(hex(H264_PPS), next)]));
      expect(payload?.length ?? 0).toBeLessThan(100);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
