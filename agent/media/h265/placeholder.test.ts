import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { H265_PPS, H265_SPS, H265_UNITS, H265_VPS } from '../../../test/support/media/tiny-streams.ts';
import { Collector, hex, rtpFormat, toHex } from '../../../test/support/media/units.ts';
import { PerchError } from '../../base/errors.ts';
import { createDepacketizer } from '../codecs.ts';
import { h265Track } from './params.ts';
import { h265Placeholder } from './placeholder.ts';

const trackOf = (sps: Uint8Array, pps: Uint8Array) => h265Track(hex(H265_VPS), sps, [pps]);

test('the header of a skipped leading picture, with its own PPS', () => {
  const payload = h265Placeholder(trackOf(hex(H265_SPS), hex(H265_PPS)));
  // PPS 63 of SPS 0 without any tool; I slice of PPS 63 with order count 0 and no reference pictures.
  expect(toHex(payload ?? hex(''))).toBe('6001 0008 4401020407180120 0007 10018101803180'.replaceAll(' ', ''));
});

test('a truncated SPS yields no placeholder', () => {
  expect(h265Placeholder(trackOf(hex(H265_SPS).subarray(0, 26), hex(H265_PPS)))).toBeUndefined();
});

test('a receiver counts it as a picture and starts at the key frame after it', () => {
  const out = new Collector();
  const depacketizer = createDepacketizer(rtpFormat('H265', 90_000, 1, {}), out);
  const payload = h265Placeholder(trackOf(hex(H265_SPS), hex(H265_PPS))) ?? hex('');
  depacketizer?.push(payload, 0, payload.length, 0, true, false);
  const key = hex(H265_UNITS[0]?.[1] ?? '');
  for (const nal of [hex(H265_VPS), hex(H265_SPS), hex(H265_PPS), key]) {
    depacketizer?.push(nal, 0, nal.length, 3_600, nal === key, false);
  }
  expect(out.units.map(({ pts, key: isKey }) => [pts, isKey])).toEqual([[3_600, true]]);
  expect(out.damage).toEqual([]);
});

test('thousands of damaged parameter sets give a small payload or a PerchError', () => {
  const next = random(265);
  for (let round = 0; round < 4000; round += 1) {
    try {
      const payload = h265Placeholder(trackOf(mutate(hex(H265_SPS), next), mutate(hex(H265_PPS), next)));
      expect(payload?.length ?? 0).toBeLessThan(100);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
