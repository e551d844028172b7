import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { Collector, hex, payloadsOf, pushHex, send, toHex } from '../../../test/support/media/units.ts';
import { PerchError } from '../../base/errors.ts';
import { BitReader } from '../payload/bit-reader.ts';
import { Vp9Depacketizer } from './depacketize.ts';
import { packetizeVp9 } from './packetize.ts';
import { isVp9Key, parseVp9Header, vp9Level } from './params.ts';

/** Beginning of a key frame of libvpx: profile 0, 320x240. */
const KEY = '82 498342 0013f00ef0 f60638';
/** Beginning of a frame that refers to others. */
const DELTA = '86 00 4092';

function setUp() {
  const seen = new Collector();
  return { seen, depacketizer: new Vp9Depacketizer(seen) };
}

const ptsOf = (seen: Collector) => seen.units.map(({ pts }) => pts);

test.for([
  ['profile 0', KEY, { profile: 0, bitDepth: 8, chromaSubsampling: 1, isFullRange: false, width: 320, height: 240 }],
  [
    'profile 3, 10 bits 4:4:4',
    'b1 24c1a1 0000 9f8077b031',
    { profile: 3, bitDepth: 10, chromaSubsampling: 3, isFullRange: false, width: 320, height: 240 },
  ],
  [
    'profile 3, 12 bits 4:4:4',
    'b1 24c1a1 4000 9f8077b031',
    { profile: 3, bitDepth: 12, chromaSubsampling: 3, isFullRange: false, width: 320, height: 240 },
  ],
] as const)('the header of a key frame of %s is read', ([, frame, header]) => {
  const bytes = hex(frame);
  expect(isVp9Key(bytes, 0)).toBe(true);
  expect(parseVp9Header(new BitReader(bytes, 0, bytes.length, false))).toEqual(header);
});

test.for([
  ['a frame that refers to others', '86'],
  ['a frame that shows an older one', '88'],
  ['such a frame of profile 3', 'b4'],
  ['no VP9', '02'],
] as const)('%s is not a key frame', ([, first]) => {
  expect(isVp9Key(hex(first), 0)).toBe(false);
});

test.for([
  [160, 120, undefined, 10],
  [640, 360, undefined, 21],
  [1280, 720, 30, 31],
  [1920, 1080, 25, 40],
  [1920, 1080, 60, 41],
  [3840, 2160, undefined, 50],
  [3840, 2160, 120, 52],
  [7680, 4320, 30, 62],
] as const)('the level of %i x %i at %s frames/s is %i', ([width, height, fps, level]) => {
  expect(vp9Level(width, height, fps)).toBe(level);
});

test.for([
  ['one byte', '08'],
  ['a picture number of 15 bits', '88 8011'],
  ['a picture number of 7 bits', '88 11'],
  ['layers and TL0PICIDX', '28 00 11'],
  ['layers in flexible mode', '38 00'],
  ['references in flexible mode', '58 03 05 06'],
  ['a scalability structure with size and group', '0a 18 0140 00f0 02 04 01 08 02 03'],
  ['a scalability structure without either', '0a 00'],
] as const)('a frame is read from a packet whose descriptor is %s', ([, descriptor]) => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `${descriptor} ${KEY}`, 3000, true);
  expect(seen.tracks).toMatchObject([{ codec: 'vp9', clockRate: 90_000, width: 320, height: 240 }]);
  expect(seen.units.map(({ pts, dts, key, data }) => [pts, dts, key, toHex(data)])).toEqual([
    [3000, 3000, true, toHex(hex(KEY))],
  ]);
});

test('the lowest of several spatial layers is kept', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `2c 00 11 ${KEY}`, 3000);
  pushHex(depacketizer, '2c 03 11 aabbcc', 3000);
  pushHex(depacketizer, '2c 05 11 aabbcc', 3000, true);
  pushHex(depacketizer, `6c 00 12 ${DELTA}`, 6000);
  pushHex(depacketizer, '6c 03 12 aabbcc', 6000, true);
  expect(seen.units.map(({ pts, data }) => [pts, data.length])).toEqual([
    [3000, 12],
    [6000, 4],
  ]);
});

test('after a gap no frame is delivered until the next key frame', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `0c ${KEY}`, 0, true);
  pushHex(depacketizer, `4c ${DELTA}`, 3000, true, true);
  pushHex(depacketizer, `4c ${DELTA}`, 6000, true);
  pushHex(depacketizer, `0c ${KEY}`, 9000, true);
  expect(ptsOf(seen)).toEqual([0, 9000]);
  expect(seen.damage).toEqual(['packets are missing']);
});

test('without markers the next frame ends the previous one', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `0c ${KEY}`, 0);
  pushHex(depacketizer, `4c ${DELTA}`, 3000);
  pushHex(depacketizer, `4c ${DELTA}`, 6000);
  expect(ptsOf(seen)).toEqual([0, 3000]);
});

test.for([12, 1187, 1188, 5000])('a frame of %i bytes survives the round trip', (bytes) => {
  const next = random(bytes);
  for (const first of [KEY, DELTA]) {
    const frame = Uint8Array.from({ length: bytes }, () => next() * 256);
    frame.set(hex(first));
    const payloads = payloadsOf((sink) => packetizeVp9(frame, 1188, true, sink));
    expect(payloads.at(-1)?.marker).toBe(true);
    expect(Math.max(...payloads.map(({ bytes: payload }) => payload.length))).toBeLessThanOrEqual(1188);
    const { seen, depacketizer } = setUp();
    pushHex(depacketizer, `0c ${KEY}`, 0, true);
    send(packetizeVp9, frame, 3000, depacketizer, 1188);
    expect(seen.units[1]?.data).toEqual(frame);
  }
});

test('packets say which frames refer to others, where frames begin and where they end', () => {
  const flags = (frame: string, limit: number) =>
    payloadsOf((sink) => packetizeVp9(hex(frame), limit, true, sink)).map(({ bytes }) => toHex(bytes.subarray(0, 1)));
  expect(flags(KEY, 100)).toEqual(['0d']);
  expect(flags(KEY, 5)).toEqual(['09', '01', '05']);
  expect(flags(DELTA, 100)).toEqual(['4d']);
});

test('a key frame that cannot be read is damage', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `0c ${KEY}`, 0, true);
  pushHex(depacketizer, '0c 82 498343 0013f00ef0', 3000, true);
  pushHex(depacketizer, '0c 82 4983', 6000, true);
  pushHex(depacketizer, `0c ${KEY}`, 9000, true);
  expect(ptsOf(seen)).toEqual([0, 9000]);
  expect(seen.damage).toEqual(['VP9 key frame with sync code 498343, expected 498342']);
});

test('mutated packets give frames or damage, in the order of their times', () => {
  const next = random(9628);
  const { seen, depacketizer } = setUp();
  for (let round = 0; round < 20_000; round += 1) {
    const frame = round % 5 === 0 ? `0a 18 0140 00f0 02 04 01 08 02 03 ${KEY}` : `5c 03 05 06 ${DELTA} 0102030405`;
    const packet = mutate(hex(frame), next);
    depacketizer.push(packet, 0, packet.length, round * 3000, next() < 0.9, next() < 0.05);
  }
  expect(seen.units.length).toBeGreaterThan(1000);
  expect(ptsOf(seen)).toEqual(ptsOf(seen).toSorted((a, b) => a - b));
});

test('mutated key frames give a header or a PerchError', () => {
  const next = random(42);
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = mutate(hex(KEY), next);
    try {
      expect(parseVp9Header(new BitReader(bytes, 0, bytes.length, false)).width).toBeLessThanOrEqual(65_536);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
