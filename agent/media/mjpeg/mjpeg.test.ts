import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { Collector, hex, payloadsOf, pushHex, rtpFormat, send, toHex } from '../../../test/support/media/units.ts';
import { PerchError } from '../../base/errors.ts';
import { VIDEO_SAMPLES } from '../sample/sample-buffer.ts';
import { MjpegDepacketizer } from './depacketize.ts';
import { packetizeMjpeg } from './packetize.ts';
import { type JpegFormat, parseJpeg, writeJfifHeader } from './params.ts';
import { HUFFMAN_TABLES, quantizationTables } from './tables.ts';

/** Main header of the first packet of an image of 640x480. */
const FIRST = (type: string, q: string) => `00 000000 ${type} ${q} 50 3c`;
const REST = (offset: string, type = '01', q = '32') => `00 ${offset} ${type} ${q} 50 3c`;

function setUp(pictureSize?: { width: number; height: number }) {
  const seen = new Collector();
  const rtp = { ...rtpFormat('JPEG', 90_000, 1, {}), ...(pictureSize && { pictureSize }) };
  return { seen, depacketizer: new MjpegDepacketizer(rtp, seen) };
}

const ptsOf = (seen: Collector) => seen.units.map(({ pts }) => pts);

const format: JpegFormat = {
  type: 1,
  width: 640,
  height: 480,
  restartInterval: 0,
  tables: quantizationTables(50),
};
/** An image whose scan has these bytes. */
const jpegOf = (scan: Uint8Array, changes: Partial<JpegFormat> = {}): Uint8Array =>
  Uint8Array.from([...writeJfifHeader({ ...format, ...changes }), ...scan, 0xff, 0xd9]);
/** Entropy-coded bytes have no marker in them. */
const scanOf = (bytes: number): Uint8Array => {
  const next = random(bytes);
  return Uint8Array.from({ length: bytes }, () => next() * 255);
};

test.for([
  [1, 'ffff', 'ffff'],
  [25, '2016', '2224'],
  [50, '100b', '1112'],
  [75, '0806', '0909'],
  [99, '0101', '0101'],
] as const)('quantization tables for quality %i begin with %s and %s', ([q, luma, chroma]) => {
  const tables = quantizationTables(q);
  expect([tables.length, toHex(tables.subarray(0, 2)), toHex(tables.subarray(64, 66))]).toEqual([128, luma, chroma]);
});

test('the usual Huffman tables have as many values as codes', () => {
  for (const { bytes } of HUFFMAN_TABLES) {
    expect(bytes.length - 16).toBe(bytes.subarray(0, 16).reduce((sum, count) => sum + count, 0));
  }
});

test.for([
  ['4:2:2', '00', '32', 0, 0],
  ['4:2:0', '01', '32', 1, 0],
  ['4:2:0 with restart markers', '41', '32 50 3c 0028 ffff', 1, 40],
] as const)('an image of %s gets a header that says what RTP said', ([, type, rest, chroma, restartInterval]) => {
  const { seen, depacketizer } = setUp();
  const header = type === '41' ? `00 000000 41 ${rest}` : FIRST(type, rest);
  pushHex(depacketizer, `${header} aabbcc`, 3000, true);
  expect(seen.tracks).toEqual([
    { kind: 'video', codec: 'mjpeg', clockRate: 90_000, width: 640, height: 480, fps: undefined },
  ]);
  const { data, pts, dts, key } = seen.units[0] as Collector['units'][number];
  expect([pts, dts, key]).toEqual([3000, 3000, true]);
  const image = parseJpeg(data);
  expect(image).toMatchObject({ ...format, type: chroma, restartInterval });
  expect(toHex(data.subarray(image.scanStart))).toBe('aabbccffd9');
});

test('an image that has its end already gets no other', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `${FIRST('01', '32')} aabb ffd9`, 0, true);
  expect(toHex(seen.units[0]?.data.subarray(-4) ?? hex(''))).toBe('aabbffd9');
});

test('tables in band are read, and kept for senders that send them once', () => {
  const { seen, depacketizer } = setUp();
  const tables = quantizationTables(90);
  pushHex(depacketizer, `${FIRST('01', '80')} 0000 0080 ${toHex(tables)} aabb`, 0, true);
  pushHex(depacketizer, `${FIRST('01', '80')} 0000 0000 ccdd`, 3000, true);
  pushHex(depacketizer, `${FIRST('01', '81')} 0000 0040 ${toHex(tables.subarray(0, 64))} eeff`, 6000, true);
  pushHex(depacketizer, `${FIRST('01', '82')} 0000 0000 0102`, 9000, true);
  pushHex(depacketizer, `${FIRST('01', 'ff')} 0000 0000 0304`, 12_000, true);
  expect(seen.units.map(({ data }) => toHex(parseJpeg(data).tables))).toEqual([
    toHex(tables),
    toHex(tables),
    toHex(tables.subarray(0, 64)).repeat(2),
  ]);
  expect(seen.damage).toEqual([
    'JPEG image with quality 130 has no quantization tables',
    'JPEG image with quality 255 has no quantization tables',
  ]);
});

test('a size beyond 2040 pixels, which RTP cannot express, is taken from the SDP', () => {
  const { seen, depacketizer } = setUp({ width: 2592, height: 1944 });
  pushHex(depacketizer, '00 000000 01 32 00 f3 aabb', 0, true);
  pushHex(depacketizer, `${FIRST('01', '32')} aabb`, 3000, true);
  expect(seen.tracks).toMatchObject([
    { width: 2592, height: 1944 },
    { width: 640, height: 480 },
  ]);
  expect(parseJpeg(seen.units[0]?.data ?? hex(''))).toMatchObject({ width: 2592, height: 1944 });
});

test('a lost fragment costs its image alone', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `${FIRST('01', '32')} aabb`, 0, true);
  pushHex(depacketizer, `${FIRST('01', '32')} aabb`, 3000);
  pushHex(depacketizer, `${REST('000004')} ccdd`, 3000, true, true);
  pushHex(depacketizer, `${FIRST('01', '32')} aabb`, 6000, true);
  expect(ptsOf(seen)).toEqual([0, 6000]);
  expect(seen.damage).toEqual(['packets are missing']);
});

test('a lost beginning costs its image alone', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `${FIRST('01', '32')} aabb`, 0, true);
  pushHex(depacketizer, `${REST('000002')} ccdd`, 3000, true, true);
  pushHex(depacketizer, `${FIRST('01', '32')} aabb`, 6000, true);
  expect(ptsOf(seen)).toEqual([0, 6000]);
});

test('without markers the next image ends the previous one', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `${FIRST('01', '32')} aabb`, 0);
  pushHex(depacketizer, `${REST('000002')} ccdd`, 0);
  pushHex(depacketizer, `${FIRST('01', '32')} aabb`, 3000);
  pushHex(depacketizer, `${FIRST('01', '32')} aabb`, 3000);
  pushHex(depacketizer, `${FIRST('01', '32')} aabb`, 6000);
  expect(ptsOf(seen)).toEqual([0, 3000, 3001]);
  expect(toHex(seen.units[0]?.data.subarray(-6) ?? hex(''))).toBe('aabbccddffd9');
});

test('a new size is a new description', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `${FIRST('01', '32')} aabb`, 0, true);
  pushHex(depacketizer, '00 000000 01 32 28 1e aabb', 3000, true);
  expect(seen.tracks).toMatchObject([{ width: 640 }, { width: 320, height: 240 }]);
});

test.for([
  ['a type that is not defined', '00 000000 02 32 50 3c aabb', 'JPEG type 2 over RTP is not defined'],
  [
    'an unknown size',
    '00 000000 01 32 00 3c aabb',
    'of more than 2040 pixels whose size neither RTP (RFC 2435) nor the SDP tells',
  ],
  ['quality 0', '00 000000 01 00 50 3c aabb', 'quality 0 has no quantization tables'],
  ['tables that are cut off', '00 000000 01 ff 50 3c 0000 0080 0102', 'quality 255 has no quantization tables'],
] as const)('%s is damage', ([, packet, reason]) => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, packet, 0, true);
  expect(seen.units).toEqual([]);
  expect(seen.damage).toEqual([expect.stringContaining(reason)]);
});

test.for([
  ['4:2:0', {}],
  ['4:2:2', { type: 0 }],
  ['4:2:0 with restart markers', { restartInterval: 40 }],
  ['the largest size', { width: 2040, height: 2040 }],
  ['other tables', { tables: quantizationTables(93) }],
] as const)('an image of %s survives the round trip', ([, changes]) => {
  for (const bytes of [1, 1048, 1049, 1176, 5000]) {
    const image = jpegOf(scanOf(bytes), changes);
    const payloads = payloadsOf((sink) => packetizeMjpeg(image, 1188, true, sink));
    expect(payloads.map(({ marker }) => marker)).toEqual([...payloads.slice(1).map(() => false), true]);
    expect(Math.max(...payloads.map(({ bytes: payload }) => payload.length))).toBeLessThanOrEqual(1188);
    const { seen, depacketizer } = setUp();
    send(packetizeMjpeg, image, 0, depacketizer, 1188);
    expect(toHex(seen.units[0]?.data ?? hex(''))).toBe(toHex(image));
  }
});

test('a size that is not a multiple of 8 is rounded up, because RTP has units of 8 pixels', () => {
  const { seen, depacketizer } = setUp();
  send(packetizeMjpeg, jpegOf(scanOf(100), { width: 1278, height: 722 }), 0, depacketizer);
  expect(seen.tracks).toMatchObject([{ width: 1280, height: 728 }]);
});

/** An image with some bytes of its header changed. */
function altered(from: string, to: string): Uint8Array {
  const text = toHex(jpegOf(scanOf(10)));
  expect(text).toContain(from);
  return hex(text.replace(from, to));
}

test.for([
  ['progressive', altered('ffc0', 'ffc2'), 'it is not baseline (SOF2)'],
  ['of 12 bits', altered('ffc0001108', 'ffc000110c'), 'it has 3 components of 12 bits'],
  ['of 4:4:4', altered('0301220002', '0301110002'), 'sampling 11 11 11, expected 21 11 11'],
  [
    'with Huffman tables of its own',
    altered('00010501010101', '00020401010101'),
    'its Huffman tables are not the usual',
  ],
  ['of 2048 pixels', jpegOf(scanOf(10), { width: 2048 }), 'image of 2048x480 pixels, at most 2040 on each side'],
] as const)('an image %s is refused with its reason', ([, image, reason]) => {
  expect(() => payloadsOf((sink) => packetizeMjpeg(image, 1188, true, sink))).toThrow(reason);
});

test('a broken image is left out', () => {
  expect(payloadsOf((sink) => packetizeMjpeg(hex('ffd8 ffdb'), 1188, true, sink))).toEqual([]);
  expect(payloadsOf((sink) => packetizeMjpeg(hex('00'), 1188, true, sink))).toEqual([]);
});

test('an image beyond the limit is dropped', () => {
  const { seen, depacketizer } = setUp();
  const megabyte = new Uint8Array(8 + (1 << 20));
  pushHex(depacketizer, FIRST('01', '32'), 0);
  for (let i = 0; i < 9; i += 1) {
    megabyte.set(hex(i === 0 ? FIRST('01', '32') : REST((i << 20).toString(16).padStart(6, '0'))));
    depacketizer.push(megabyte, 0, megabyte.length, 0, i === 8, false);
  }
  expect(seen.units).toEqual([]);
  expect(seen.damage).toEqual([`JPEG image is larger than ${VIDEO_SAMPLES.maxSampleBytes} bytes`]);
});

test('mutated packets give images or damage, in the order of their times', () => {
  const next = random(2435);
  const { seen, depacketizer } = setUp();
  const tables = toHex(quantizationTables(60));
  const packets = [
    `${FIRST('01', '32')} aabbccdd`,
    `${REST('000004')} aabbccdd`,
    `${FIRST('00', 'ff')} 0000 0080 ${tables} aabb`,
    '00 000000 41 32 50 3c 0028 ffff 0102',
  ];
  for (let round = 0; round < 20_000; round += 1) {
    const packet = mutate(hex(packets[Math.floor(next() * packets.length)] as string), next);
    depacketizer.push(packet, 0, packet.length, round * 3000, next() < 0.8, next() < 0.05);
  }
  expect(seen.units.length).toBeGreaterThan(1000);
  expect(ptsOf(seen)).toEqual(ptsOf(seen).toSorted((a, b) => a - b));
});

test('mutated images are split into packets within the limit, or rejected with a PerchError', () => {
  const next = random(5);
  const image = jpegOf(scanOf(2000));
  for (let round = 0; round < 10_000; round += 1) {
    try {
      for (const { bytes } of payloadsOf((sink) => packetizeMjpeg(mutate(image, next), 1188, true, sink))) {
        expect(bytes.length).toBeLessThanOrEqual(1188);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
