import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { Collector, hex, payloadsOf, pushHex, rtpFormat, send, toHex } from '../../../test/support/media/units.ts';
import { createMultiopusDepacketizer, createOpusDepacketizer } from './depacketize.ts';
import { packetizeOpus } from './packetize.ts';
import { opusFrameTicks } from './params.ts';

function setUp(fmtp: Record<string, string> = {}, channels = 2) {
  const seen = new Collector();
  return { seen, depacketizer: createOpusDepacketizer(rtpFormat('OPUS', 48_000, channels, fmtp), seen) };
}

test.for([
  ['SILK 10 ms', '00', 480],
  ['SILK 60 ms', '18', 2880],
  ['SILK wide band 20 ms', '48', 960],
  ['hybrid 10 ms', '60', 480],
  ['hybrid 20 ms', '68', 960],
  ['CELT 2.5 ms', '80', 120],
  ['CELT 20 ms', 'f8', 960],
  ['CELT 20 ms, two frames of one size', 'f9', 1920],
  ['CELT 20 ms, two frames', 'fa', 1920],
  ['CELT 20 ms, three frames', 'fb 03', 2880],
  ['SILK 60 ms, two frames', '19', 5760],
  ['SILK 60 ms, three frames: longer than allowed', '1b 03', 0],
  ['a frame count that is missing', 'fb', 0],
  ['nothing', '', 0],
] as const)('duration of %s', ([, packet, ticks]) => {
  expect(opusFrameTicks(hex(packet))).toBe(ticks);
});

test.for([
  ['sprop-stereo=1', { 'sprop-stereo': '1' }, 2, 2],
  ['sprop-stereo=0', { 'sprop-stereo': '0' }, 2, 1],
  ['nothing but the rtpmap', {}, 2, 2],
  ['an rtpmap of one channel', {}, 1, 1],
] as const)('channels with %s', ([, fmtp, channels, expected]) => {
  const { seen } = setUp(fmtp, channels);
  expect(seen.tracks).toEqual([{ kind: 'audio', codec: 'opus', clockRate: 48_000, channels: expected }]);
});

test('every packet is a sample', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, 'f8 010203', 960, true);
  send(packetizeOpus, hex('f8 0405'), 1920, depacketizer);
  expect(seen.units.map(({ pts, dts, key, data }) => [pts, dts, key, toHex(data)])).toEqual([
    [960, 960, true, 'f8010203'],
    [1920, 1920, true, 'f80405'],
  ]);
});

test('an empty payload is silence, one without valid duration is damage', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, '', 0);
  expect(seen.damage).toEqual([]);
  pushHex(depacketizer, '1b 03', 960);
  expect(seen.damage).toEqual(['Opus packet of 2 bytes has no valid frame duration']);
  expect(seen.units).toEqual([]);
});

test('a packet that does not fit is not sent', () => {
  const packet = new Uint8Array(1201).fill(0xf8);
  expect(payloadsOf((sink) => packetizeOpus(packet, 1200, true, sink))).toEqual([]);
  expect(payloadsOf((sink) => packetizeOpus(packet.subarray(1), 1200, true, sink))).toHaveLength(1);
});

test('random packets have a duration of 2.5 to 120 ms or are damage', () => {
  const next = random(6716);
  const { seen, depacketizer } = setUp();
  for (let round = 0; round < 5000; round += 1) {
    const packet = Uint8Array.from({ length: 1 + Math.floor(next() * 6) }, () => Math.floor(next() * 256));
    depacketizer.push(packet, 0, packet.length, round * 960, false, false);
  }
  expect(seen.units.length + seen.damage.length).toBe(5000);
  for (const { data } of seen.units) {
    const ticks = opusFrameTicks(data);
    expect(ticks >= 120 && ticks <= 5760).toBe(true);
  }
});

// The table of RFC 7845 §5.1.1.2 for six channels: front left and right together, rear left and right together, centre, LFE.
const SURROUND = { channel_mapping: '0,4,1,2,3,5', num_streams: '4', coupled_streams: '2' };

test('six channels are a track with the layout of their streams', () => {
  const seen = new Collector();
  const depacketizer = createMultiopusDepacketizer(rtpFormat('MULTIOPUS', 48_000, 6, SURROUND), seen);
  expect(seen.tracks).toEqual([
    {
      kind: 'audio',
      codec: 'opus',
      clockRate: 48_000,
      channels: 6,
      layout: { streams: 4, coupledStreams: 2, mapping: [0, 4, 1, 2, 3, 5] },
    },
  ]);
  depacketizer?.push(hex('fc 01 02'), 0, 3, 960, false, false);
  expect(seen.units.map(({ pts, data }) => [pts, toHex(data)])).toEqual([[960, 'fc0102']]);
});

test.for([
  ['two channels', 2, { channel_mapping: '0,1', num_streams: '1', coupled_streams: '1' }],
  ['nine channels', 9, { channel_mapping: '0,1,2,3,4,5,6,7,8', num_streams: '9', coupled_streams: '0' }],
  ['no mapping', 6, { num_streams: '4', coupled_streams: '2' }],
  ['a mapping that is too short', 6, { ...SURROUND, channel_mapping: '0,4,1,2,3' }],
  ['a channel that is not decoded', 6, { ...SURROUND, channel_mapping: '0,4,1,2,3,6' }],
  ['no streams', 6, { ...SURROUND, num_streams: '0' }],
  ['more coupled streams than streams', 6, { ...SURROUND, coupled_streams: '5' }],
  ['words', 6, { ...SURROUND, num_streams: 'four' }],
  ['negative numbers', 6, { ...SURROUND, coupled_streams: '-1' }],
] as const)('multiopus with %s is not supported', ([, channels, fmtp]) => {
  const seen = new Collector();
  expect(createMultiopusDepacketizer(rtpFormat('MULTIOPUS', 48_000, channels, fmtp), seen)).toBeUndefined();
  expect(seen.tracks).toEqual([]);
});
