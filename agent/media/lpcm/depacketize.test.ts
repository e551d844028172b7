import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { Collector, pushHex, rtpFormat, send, toHex } from '../../../test/support/media/units.ts';
import { packetizeSampleBased } from '../payload/sample-based.ts';
import { createLpcmDepacketizer } from './depacketize.ts';

function setUp(bitDepth: 8 | 16 | 24, channels = 1, clockRate = 48_000) {
  const seen = new Collector();
  const depacketizer = createLpcmDepacketizer(rtpFormat(`L${bitDepth}`, clockRate, channels, {}), bitDepth, seen);
  if (!depacketizer) {
    throw new Error('not supported');
  }
  return { seen, depacketizer };
}

test('the SDP makes the track known', () => {
  expect(setUp(24, 2).seen.tracks).toEqual([
    { kind: 'audio', codec: 'lpcm', clockRate: 48_000, bitDepth: 24, channels: 2 },
  ]);
});

test.for([
  [8, 1, '80 81 82', '808182'],
  [16, 1, '0102 0304 05', '01020304'],
  [16, 2, '0102 0304 0506 07', '01020304'],
  [24, 2, '010203 040506 0708', '010203040506'],
] as const)(
  '%i bits in %i channels: whole instants are a sample, the rest of a packet is left out',
  ([bitDepth, channels, payload, sample]) => {
    const { seen, depacketizer } = setUp(bitDepth, channels);
    pushHex(depacketizer, payload, 4800);
    expect(seen.units.map(({ pts, data }) => [pts, toHex(data)])).toEqual([[4800, sample]]);
  },
);

test('a packet of Ethernet size becomes samples that fit into packets of any reader, cut between instants', () => {
  const { seen, depacketizer } = setUp(24, 2);
  depacketizer.push(new Uint8Array(1440), 0, 1440, 0, false, false);
  expect(seen.units.map(({ pts, data }) => [pts, data.length])).toEqual([
    [0, 1020],
    [170, 420],
  ]);
});

test.for([
  ['no rate', 0, 1],
  ['a rate of a MHz', 1_000_000, 1],
  ['nine channels', 48_000, 9],
] as const)('not supported: %s', ([, clockRate, channels]) => {
  const format = rtpFormat('L16', clockRate, channels, {});
  expect(createLpcmDepacketizer(format, 16, new Collector())).toBeUndefined();
});

test('random packets keep all bytes and timestamps, also through the packetizer', () => {
  const next = random(3190);
  const first = setUp(16, 2);
  const chunk = Uint8Array.from({ length: 8000 }, () => Math.floor(next() * 256));
  const sent: string[] = [];
  let ticks = 0;
  for (let round = 0; round < 300; round += 1) {
    const start = Math.floor(next() * 4000);
    const instants = Math.floor(next() * 1000);
    first.depacketizer.push(chunk, start, start + instants * 4, ticks, false, next() < 0.1);
    sent.push(toHex(chunk.subarray(start, start + instants * 4)));
    ticks += instants;
  }
  const second = setUp(16, 2);
  for (const { pts, data } of first.seen.units) {
    send(packetizeSampleBased, data, pts, second.depacketizer, 1188);
  }
  expect(second.seen.units.map(({ data }) => toHex(data)).join('')).toBe(sent.join(''));
  let expected = 0;
  for (const { pts, data } of second.seen.units) {
    expect(pts).toBe(expected);
    expected += data.length / 4;
  }
});
