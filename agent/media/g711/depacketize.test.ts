import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { Collector, payloadsOf, pushHex, rtpFormat, send, toHex } from '../../../test/support/media/units.ts';
import { packetizeSampleBased } from '../payload/sample-based.ts';
import { createG711Depacketizer } from './depacketize.ts';

function setUp(channels = 1, law: 'a' | 'mu' = 'a') {
  const seen = new Collector();
  const depacketizer = createG711Depacketizer(rtpFormat('PCMA', 8_000, channels, {}), law, seen);
  if (!depacketizer) {
    throw new Error('not supported');
  }
  return { seen, depacketizer };
}

test.for([
  ['mono', 1, 1],
  ['stereo', 2, 2],
  ['no channel count', 0, 1],
] as const)('the SDP makes the track known: %s', ([, channels, expected]) => {
  expect(setUp(channels, 'mu').seen.tracks).toEqual([
    { kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8_000, channels: expected },
  ]);
});

test('every packet is a sample', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, 'd5d5d5', 160, true);
  send(packetizeSampleBased, new Uint8Array(160).fill(0x55), 320, depacketizer);
  expect(seen.units.map(({ pts, dts, key, data }) => [pts, dts, key, data.length])).toEqual([
    [160, 160, true, 3],
    [320, 320, true, 160],
  ]);
});

test.for([
  [
    1,
    [
      [8000, 1024],
      [9024, 1024],
      [10_048, 452],
    ],
  ],
  [
    2,
    [
      [8000, 1024],
      [8512, 1024],
      [9024, 452],
    ],
  ],
] as const)(
  'a packet of 2500 bytes becomes samples that fit into packets of any reader (%i channels)',
  ([channels, expected]) => {
    const { seen, depacketizer } = setUp(channels);
    depacketizer.push(new Uint8Array(2500), 0, 2500, 8000, false, false);
    expect(seen.units.map(({ pts, data }) => [pts, data.length])).toEqual(expected);
  },
);

test('half an instant of stereo is left out', () => {
  const { seen, depacketizer } = setUp(2);
  pushHex(depacketizer, 'd5d5d5', 0);
  pushHex(depacketizer, 'd5', 160);
  pushHex(depacketizer, '', 320);
  expect(seen.units.map(({ data }) => toHex(data))).toEqual(['d5d5']);
});

test('a sample that does not fit is not sent', () => {
  const sent = (bytes: number) =>
    payloadsOf((sink) => packetizeSampleBased(new Uint8Array(bytes), 1188, true, sink)).length;
  expect([sent(1189), sent(1188), sent(0)]).toEqual([0, 1, 0]);
});

test('random packets keep all bytes and timestamps', () => {
  const next = random(711);
  const { seen, depacketizer } = setUp();
  const chunk = Uint8Array.from({ length: 8000 }, () => Math.floor(next() * 256));
  let ticks = 0;
  const sent: string[] = [];
  for (let round = 0; round < 500; round += 1) {
    const start = Math.floor(next() * 4000);
    const end = start + Math.floor(next() * 4000);
    depacketizer.push(chunk, start, end, ticks, false, false);
    sent.push(toHex(chunk.subarray(start, end)));
    ticks += end - start;
  }
  expect(seen.units.map(({ data }) => toHex(data)).join('')).toBe(sent.join(''));
  let expected = 0;
  for (const { pts, data } of seen.units) {
    expect(pts).toBe(expected);
    expected += data.length;
  }
});
