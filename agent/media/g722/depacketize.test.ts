import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { Collector, pushHex, rtpFormat, send, toHex } from '../../../test/support/media/units.ts';
import { packetizeSampleBased } from '../payload/sample-based.ts';
import { createG722Depacketizer } from './depacketize.ts';

function setUp(clockRate = 8_000, channels = 1) {
  const seen = new Collector();
  return { seen, depacketizer: createG722Depacketizer(rtpFormat('G722', clockRate, channels, {}), seen) };
}

test.for([
  ['as the standard has it', 8_000, 1, 1],
  ['by a sender that tells the true rate', 16_000, 1, 1],
  ['in stereo', 8_000, 2, 2],
] as const)('the clock of the track is 8000, %s', ([, clockRate, channels, expected]) => {
  expect(setUp(clockRate, channels).seen.tracks).toEqual([
    { kind: 'audio', codec: 'g722', clockRate: 8_000, channels: expected },
  ]);
});

test('another clock is not supported', () => {
  const { depacketizer, seen } = setUp(48_000);
  expect(depacketizer).toBeUndefined();
  expect(seen.tracks).toEqual([]);
});

test.for([
  [8_000, [0, 1024]],
  [16_000, [0, 2048]],
] as const)('with an RTP clock of %i a byte lasts an eighth of a millisecond', ([clockRate, times]) => {
  const { seen, depacketizer } = setUp(clockRate);
  depacketizer?.push(new Uint8Array(1500), 0, 1500, 0, false, false);
  expect(seen.units.map(({ pts }) => pts)).toEqual(times);
});

test('packets of any size are samples, also after a gap, and the packetizer sends them unchanged', () => {
  const { seen, depacketizer } = setUp();
  if (!depacketizer) {
    throw new Error('not supported');
  }
  const next = random(722);
  const sent: string[] = [];
  for (let round = 0; round < 300; round += 1) {
    const bytes = Uint8Array.from({ length: 1 + Math.floor(next() * 1000) }, () => Math.floor(next() * 256));
    send(packetizeSampleBased, bytes, round * 1000, depacketizer);
    sent.push(toHex(bytes));
  }
  expect(seen.units.map(({ data }) => toHex(data))).toEqual(sent);
  pushHex(depacketizer, 'aabb', 900_000, false, true);
  expect(toHex(seen.units.at(-1)?.data ?? new Uint8Array())).toBe('aabb');
  expect(seen.damage).toEqual([]);
});
