import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { Collector, hex, pushHex, rtpFormat, send, toHex } from '../../../test/support/media/units.ts';
import { createAacDepacketizer } from './depacketize.ts';
import { packetizeAac } from './packetize.ts';

const HBR = { mode: 'AAC-hbr', sizelength: '13', indexlength: '3', indexdeltalength: '3', config: '1588' };

function setUp(fmtp: Record<string, string> = HBR, clockRate = 8_000, channels = 1) {
  const seen = new Collector();
  const depacketizer = createAacDepacketizer(rtpFormat('MPEG4-GENERIC', clockRate, channels, fmtp), seen);
  if (!depacketizer) {
    throw new Error('not supported');
  }
  return { seen, depacketizer, units: () => seen.units.map(({ pts, data }) => [pts, toHex(data)]) };
}

test('the SDP makes the track known', () => {
  expect(setUp().seen.tracks).toEqual([
    { kind: 'audio', codec: 'aac', clockRate: 8_000, channels: 1, config: hex('1588'), frameSamples: 1024 },
  ]);
});

test.for([
  ['the rate of the config counts, not that of the rtpmap', HBR, 90_000, 1, { clockRate: 8_000 }],
  [
    'channels that the config leaves open are those of the rtpmap',
    { ...HBR, config: '1180' },
    48_000,
    2,
    { channels: 2 },
  ],
  ['without config it is AAC-LC as the rtpmap says', { mode: 'AAC-hbr' }, 44_100, 2, { config: hex('1210') }],
  ['a config that is not hexadecimal is no config', { ...HBR, config: 'xyz!' }, 16_000, 1, { config: hex('1408') }],
] as const)('%s', ([, fmtp, clockRate, channels, expected]) => {
  expect(setUp(fmtp, clockRate, channels).seen.tracks[0]).toMatchObject(expected);
});

test.for([
  ['a config of another codec', { ...HBR, config: 'f9400000' }],
  ['decode times in the headers', { ...HBR, dtsdeltalength: '22' }],
  ['sizes of 40 bits', { ...HBR, sizelength: '40' }],
  ['a length that is not a number', { ...HBR, indexlength: 'three' }],
] as const)('not supported: %s', ([, fmtp]) => {
  expect(createAacDepacketizer(rtpFormat('MPEG4-GENERIC', 8_000, 1, fmtp), new Collector())).toBeUndefined();
});

test.for([
  ['one frame', HBR, '0010 0018 aabbcc', [[100, 'aabbcc']]],
  [
    'three frames',
    HBR,
    '0030 0008 0010 0008 aa bbcc dd',
    [
      [100, 'aa'],
      [1124, 'bbcc'],
      [2148, 'dd'],
    ],
  ],
  [
    'AAC-lbr',
    { ...HBR, mode: 'AAC-lbr', sizelength: '6', indexlength: '2', indexdeltalength: '2' },
    '0010 08 04 aabb cc',
    [
      [100, 'aabb'],
      [1124, 'cc'],
    ],
  ],
  ['the lengths of the mode', { mode: 'AAC-lbr', config: '1588' }, '0008 08 aabb', [[100, 'aabb']]],
  ['a frame in ADTS', HBR, '0010 0050 fff16c40015ffc aabbcc', [[100, 'aabbcc']]],
  ['a frame in ADTS with checksum', HBR, '0010 0060 fff06c40019ffc 1234 aabbcc', [[100, 'aabbcc']]],
  [
    'frames in ADTS without AU headers',
    HBR,
    'fff16c40013ffc aabb fff16c40011ffc cc',
    [
      [100, 'aabb'],
      [1124, 'cc'],
    ],
  ],
] as const)('a packet of %s', ([, fmtp, payload, units]) => {
  const { seen, depacketizer, units: got } = setUp(fmtp);
  pushHex(depacketizer, payload, 100, true);
  expect(got()).toEqual(units);
  expect(seen.damage).toEqual([]);
  expect(seen.units.every(({ pts, dts, key }) => key && pts === dts)).toBe(true);
});

test('if the RTP clock differs from the sample rate, timestamps are in ticks of the RTP clock', () => {
  const { depacketizer, units } = setUp({ ...HBR, config: '1210' }, 90_000, 2);
  pushHex(depacketizer, '0030 0008 0008 0008 aa bb cc', 0, true);
  expect(units()).toEqual([
    [0, 'aa'],
    [2090, 'bb'],
    [4180, 'cc'],
  ]);
});

test.for([
  ['with the marker on the last', [false, false, true]],
  ['without marker', [false, false, false]],
] as const)('fragments become one frame, %s', ([, markers]) => {
  const { seen, depacketizer, units } = setUp();
  for (const [i, part] of ['aabb', 'cc', 'ddee'].entries()) {
    pushHex(depacketizer, `0010 0028 ${part}`, 500, markers[i]);
  }
  expect(units()).toEqual([[500, 'aabbccddee']]);
  expect(seen.damage).toEqual([]);
});

test.for([
  ['a lost fragment', ['0010 0028 aabb', '0010 0028 ddee'], true],
  ['a frame that is never completed', ['0010 0028 aabb', '0010 0008 ff'], false],
  ['more bytes than the frame has', ['0010 0028 aabb', '0010 0028 ccddeeff'], false],
  ['a frame that runs out of its packet', ['0020 0010 0028 aabb cc'], false],
  ['headers that run out of the packet', ['0400 0008 aa'], false],
  ['no headers', ['0000 aabb'], false],
  ['interleaved frames', ['0020 0008 0009 aabb'], false],
] as const)('%s is damage, and the next frame is good', ([, payloads, isGap]) => {
  const { seen, depacketizer } = setUp();
  for (const [i, payload] of payloads.entries()) {
    pushHex(depacketizer, payload, payload.includes(' ff') ? 1524 : 500, i === payloads.length - 1, isGap && i > 0);
  }
  expect(seen.damage.length).toBeGreaterThan(0);
  pushHex(depacketizer, '0010 0010 1234', 9000, true);
  expect(toHex(seen.units.at(-1)?.data ?? hex(''))).toBe('1234');
});

test('frames survive packets of any size', () => {
  const { seen, depacketizer } = setUp();
  const next = random(3640);
  const sent: string[] = [];
  for (let unit = 0; unit < 300; unit += 1) {
    const frame = Uint8Array.from({ length: 1 + Math.floor(next() ** 2 * 4000) }, () => Math.floor(next() * 250));
    sent.push(toHex(frame));
    send(packetizeAac, frame, unit * 1024, depacketizer, 20 + Math.floor(next() * 1400));
  }
  expect(seen.damage).toEqual([]);
  expect(seen.units.map(({ data }) => toHex(data))).toEqual(sent);
});

test('a frame that the header cannot describe is not sent', () => {
  const { seen, depacketizer } = setUp();
  send(packetizeAac, new Uint8Array(8192), 0, depacketizer);
  expect([seen.units, seen.damage]).toEqual([[], []]);
});

test('random packets give frames or damage, never an exception', () => {
  const next = random(14);
  const { seen, depacketizer } = setUp();
  const seeds = [
    '0010 0018 aabbcc',
    '0030 0008 0010 0008 aabbccdd',
    '0010 0028 aabb',
    '0010 0050 fff16c40015ffc aabbcc',
  ].map(hex);
  for (let round = 0; round < 20_000; round += 1) {
    const packet = Uint8Array.from(seeds[round % seeds.length] ?? []);
    packet[Math.floor(next() * packet.length)] = Math.floor(next() * 256);
    const end = next() < 0.2 ? Math.floor(next() * (packet.length + 1)) : packet.length;
    depacketizer.push(packet, 0, end, Math.floor(next() * 10) * 1024, next() < 0.5, next() < 0.1);
  }
  expect(seen.units.length).toBeGreaterThan(1000);
  expect(seen.units.every(({ data }) => data.length > 0 && data.length < 65_536)).toBe(true);
});

test('a whole frame after an incomplete fragment is not appended to it', () => {
  const { seen, depacketizer, units } = setUp();
  const packet = (text: string) => {
    const bytes = hex(text);
    depacketizer.push(bytes, 0, bytes.length, 100, false, false);
  };
  packet('0010 0040 aabbcc');
  packet('0010 0018 ddeeff');
  expect(units()).toEqual([[100, 'ddeeff']]);
  expect(seen.damage).toHaveLength(1);
});
