import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { Collector, hex, payloadsOf, pushHex, send, toHex } from '../../../test/support/media/units.ts';
import { AV1_SEQUENCE, av1 } from '../../../test/support/media/video-tracks.ts';
import { PerchError } from '../../base/errors.ts';
import { VIDEO_SAMPLES } from '../sample/sample-buffer.ts';
import { Av1Depacketizer } from './depacketize.ts';
import { packetizeAv1 } from './packetize.ts';
import { parseAv1Sequence } from './params.ts';

/** As RTP has it, without a size: 11 payload bytes. */
const SEQUENCE = '08 000000043cffbcdaf90040';
const STORED_SEQUENCE = toHex(AV1_SEQUENCE);
/** OBU_FRAME, a shown key frame; then one that refers to others. */
const KEY = '30 10aabbcc';
const DELTA = '30 30ddee';
const STORED_KEY = '320410aabbcc';
const STORED_DELTA = '320330ddee';

function setUp() {
  const seen = new Collector();
  return { seen, depacketizer: new Av1Depacketizer(seen) };
}

/** Has seen a key frame at 0. */
function joined() {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `28 0c ${SEQUENCE} ${KEY}`, 0, true);
  seen.units.length = 0;
  return { seen, depacketizer };
}

const stored = (seen: Collector) => seen.units.map(({ pts, key, data }) => [pts, key, toHex(data)]);

test.for([
  [
    'libaom, 8 bits 4:2:0',
    '0a0b 000000043cffbcdaf90040',
    { profile: 0, levelIdx: 0, width: 320, height: 240, bitDepth: 8, isHalfWidth: true, isHalfHeight: true },
  ],
  [
    'SVT-AV1',
    '0a0b 000000043cffbcfbf90040',
    { profile: 0, width: 320, height: 240, bitDepth: 8, isMonochrome: false, tier: 0, fps: undefined },
  ],
  ['rav1e', '0a0e 000000fa1e7fde210a88101010a0', { profile: 0, levelIdx: 31, width: 320, height: 240, bitDepth: 8 }],
  ['libaom, 10 bits', '0a0a 00000002aff79b5f2808', { profile: 0, width: 64, height: 48, bitDepth: 10 }],
  ['libaom, 4:4:4', '0a0a 20000002aff79b5f2040', { profile: 1, width: 64, height: 48, isHalfWidth: false }],
] as const)('the sequence header of %s', ([, obu, expected]) => {
  expect(parseAv1Sequence(hex(obu))).toMatchObject(expected);
});

test('a sequence header without size is read as well', () => {
  expect(parseAv1Sequence(hex(SEQUENCE))).toEqual(parseAv1Sequence(AV1_SEQUENCE));
});

test.for([
  ['another OBU', '30 10aabbcc', 'OBU of type 6 is not a sequence header'],
  ['one that is cut off', '0a0b 0000', 'bits end too early'],
  ['one without a size', '0aff', 'has no size'],
  ['nothing', '', 'OBU of type 0'],
  ['one of two kilobytes', `0a8010 ${'00'.repeat(2048)}`, 'of 2051 bytes, at most 1024'],
] as const)('%s is rejected as a sequence header', ([, obu, message]) => {
  expect(() => parseAv1Sequence(hex(obu))).toThrow(message);
});

test.for([
  ['two elements, the first with its length', `28 0c ${SEQUENCE} ${KEY}`],
  ['elements that all have their lengths', `08 0c ${SEQUENCE} 05 ${KEY}`],
  ['OBUs with sizes of their own', `28 0d 0a0b 000000043cffbcdaf90040 32 04 10aabbcc`],
  ['a temporal delimiter and padding next to them', `08 01 10 0c ${SEQUENCE} 02 7800 05 ${KEY}`],
  ['tile lists and reserved types next to them', `08 0c ${SEQUENCE} 02 4000 02 4800 05 ${KEY}`],
] as const)('a temporal unit is read from a packet of %s', ([, packet]) => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, packet, 3000, true);
  expect(seen.tracks).toEqual([av1]);
  expect(stored(seen)).toEqual([[3000, true, STORED_SEQUENCE + STORED_KEY]]);
});

test('OBUs with an extension keep it', () => {
  const { seen, depacketizer } = joined();
  pushHex(depacketizer, '10 34 08 30ddee', 3000, true);
  expect(stored(seen)).toEqual([[3000, false, '36080330ddee']]);
});

test('a fragmented OBU gets its size at its end', () => {
  const { seen, depacketizer } = joined();
  pushHex(depacketizer, '50 30 30dd', 3000);
  pushHex(depacketizer, 'd0 0102', 3000);
  pushHex(depacketizer, 'a0 02 ee03 3004', 3000, true);
  // Four bytes are left for the size; the second OBU is whole.
  expect(stored(seen)).toEqual([[3000, false, '32 86808000 30dd0102ee03 320104'.replaceAll(' ', '')]]);
});

test('a fragment that is not kept is left out to its end', () => {
  const { seen, depacketizer } = joined();
  pushHex(depacketizer, '50 7800', 3000);
  pushHex(depacketizer, `a0 02 0000 ${DELTA}`, 3000, true);
  expect(stored(seen)).toEqual([[3000, false, STORED_DELTA]]);
});

test('no frame is delivered before the first key frame, and no key frame before its sequence header', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `10 ${DELTA}`, 0, true);
  pushHex(depacketizer, `10 ${KEY}`, 3000, true);
  expect(seen.units).toEqual([]);
  pushHex(depacketizer, `28 0c ${SEQUENCE} ${KEY}`, 6000, true);
  expect(seen.units.map(({ pts }) => pts)).toEqual([6000]);
});

test('a key frame without a sequence header gets the current one', () => {
  const { seen, depacketizer } = joined();
  pushHex(depacketizer, `10 ${KEY}`, 3000, true);
  expect(stored(seen)).toEqual([[3000, true, STORED_SEQUENCE + STORED_KEY]]);
});

test('a key frame that is not shown yet is not a start', () => {
  const { seen, depacketizer } = joined();
  pushHex(depacketizer, '10 30 00aabb', 3000, true);
  expect(stored(seen)).toEqual([[3000, false, '320300aabb']]);
});

test('another sequence header is a new description', () => {
  const { seen, depacketizer } = joined();
  pushHex(depacketizer, `28 0c ${SEQUENCE} ${KEY}`, 3000, true);
  pushHex(depacketizer, `28 0b 08 00000002aff79b5f2808 ${KEY}`, 6000, true);
  expect(seen.tracks).toMatchObject([{ width: 320 }, { width: 64, height: 48 }]);
});

test('after a gap no frame is delivered until the next key frame', () => {
  const { seen, depacketizer } = joined();
  pushHex(depacketizer, `10 ${DELTA}`, 3000, true, true);
  pushHex(depacketizer, `10 ${DELTA}`, 6000, true);
  pushHex(depacketizer, `28 0c ${SEQUENCE} ${KEY}`, 9000, true);
  expect(seen.units.map(({ pts }) => pts)).toEqual([9000]);
  expect(seen.damage).toEqual(['packets are missing']);
});

test.for([
  ['it says so', `28 0c ${SEQUENCE} ${KEY}`],
  ['it begins with its sequence header', `20 0c ${SEQUENCE} ${KEY}`],
  ['it begins with a temporal delimiter', `00 01 10 0c ${SEQUENCE} 05 ${KEY}`],
] as const)('a key frame right after a gap is taken if %s', ([, packet]) => {
  const { seen, depacketizer } = joined();
  pushHex(depacketizer, packet, 3000, true, true);
  expect(seen.units.map(({ pts }) => pts)).toEqual([3000]);
});

test('a key frame directly after a gap may lack its first OBUs, so it is dropped', () => {
  const { seen, depacketizer } = joined();
  pushHex(depacketizer, `10 ${KEY}`, 3000, true, true);
  expect(seen.units).toEqual([]);
});

test.for([
  ['a lost end', ['50 30 30dd', `10 ${DELTA}`], [3000, 6000]],
  ['an element beyond the packet', ['00 30 30ddee', `10 ${DELTA}`], [3000, 6000]],
  ['a size beyond the OBU', ['10 32 30 30ddee', `10 ${DELTA}`], [3000, 6000]],
  ['a fragment without beginning', ['90 ddee', `10 ${DELTA}`], [3000, 6000]],
] as const)('%s is damage, and what refers to it is left out', ([, packets, times]) => {
  const { seen, depacketizer } = joined();
  for (const [i, packet] of packets.entries()) {
    pushHex(depacketizer, packet, times[i] as number, true);
  }
  pushHex(depacketizer, `28 0c ${SEQUENCE} ${KEY}`, 9000, true);
  expect(seen.units.map(({ pts }) => pts)).toEqual([9000]);
  expect(seen.damage).toHaveLength(1);
});

test('without markers the next timestamp ends the unit', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `18 ${SEQUENCE}`, 3000);
  pushHex(depacketizer, `10 ${KEY}`, 3000);
  pushHex(depacketizer, `10 ${DELTA}`, 6000);
  expect(stored(seen)).toEqual([[3000, true, STORED_SEQUENCE + STORED_KEY]]);
});

test('markers that end packets instead of pictures are ignored', () => {
  const { seen, depacketizer } = joined();
  for (const ticks of [3000, 6000, 9000]) {
    pushHex(depacketizer, `68 0c ${SEQUENCE} 30 10aa`, ticks, true);
    pushHex(depacketizer, '90 bbcc', ticks, true);
  }
  pushHex(depacketizer, `10 ${DELTA}`, 12_000, true);
  expect(seen.units.map(({ pts }) => pts)).toEqual([6000, 9000]);
  expect(seen.damage).toEqual(['an OBU in fragments has no end']);
});

test('a unit beyond the limit is dropped', () => {
  const { seen, depacketizer } = joined();
  const fragment = new Uint8Array(1 << 20);
  fragment[0] = 0xd0;
  pushHex(depacketizer, '50 30 30dd', 3000);
  for (let i = 0; i < 9; i += 1) {
    depacketizer.push(fragment, 0, fragment.length, 3000, false, false);
  }
  pushHex(depacketizer, '90 ee', 3000, true);
  expect(seen.units).toEqual([]);
  expect(seen.damage).toEqual([`frame is larger than ${VIDEO_SAMPLES.maxSampleBytes} bytes`]);
});

/** OBUs with sizes, as a sample has them. */
function unitOf(frameBytes: number, isKey: boolean): Uint8Array {
  const next = random(frameBytes);
  const frame = Uint8Array.from({ length: frameBytes }, () => next() * 256);
  frame[0] = isKey ? 0x10 : 0x30;
  const size = frameBytes < 128 ? [frameBytes] : [0x80 | (frameBytes & 0x7f), frameBytes >> 7];
  return Uint8Array.from([...(isKey ? AV1_SEQUENCE : []), 0x32, ...size, ...frame]);
}

test.for([100, 1186, 1187, 1188, 5000])('a unit of %i bytes survives the round trip', (bytes) => {
  for (const isKey of [true, false]) {
    const unit = unitOf(bytes, isKey);
    const payloads = payloadsOf((sink) => packetizeAv1(unit, 1188, true, sink));
    expect(payloads.map(({ marker }) => marker)).toEqual([...payloads.slice(1).map(() => false), true]);
    expect(Math.max(...payloads.map(({ bytes: payload }) => payload.length))).toBeLessThanOrEqual(1188);
    const { seen, depacketizer } = joined();
    send(packetizeAv1, unit, 3000, depacketizer, 1188);
    // The reassembled OBU has a size field of four bytes; packetized again it is the same.
    const back = seen.units[0]?.data ?? new Uint8Array(0);
    expect(payloadsOf((sink) => packetizeAv1(back, 1188, true, sink))).toEqual(payloads);
  }
});

test('OBUs that are nothing but a header are left out, wherever they fall in a packet', () => {
  for (let bytes = 1150; bytes < 1200; bytes += 1) {
    const metadata = [0x2a, 0x80 | (bytes & 0x7f), bytes >> 7, ...new Uint8Array(bytes).fill(1)];
    const withEmpty = Uint8Array.from([...metadata, ...hex(`2a00 2a00 ${STORED_DELTA}`)]);
    expect(sent(withEmpty)).toEqual(sent(Uint8Array.from([...metadata, ...hex(STORED_DELTA)])));
  }
});

const sent = (unit: Uint8Array, limit = 1188): string[] =>
  payloadsOf((sink) => packetizeAv1(unit, limit, true, sink)).map(({ bytes }) => toHex(bytes));

test('a sequence header shares its packet with the frame, and says that a sequence begins', () => {
  expect(sent(hex(STORED_SEQUENCE + STORED_KEY))).toEqual([toHex(hex(`08 0c ${SEQUENCE} 05 ${KEY}`))]);
  expect(sent(hex(STORED_DELTA))).toEqual([toHex(hex(`10 ${DELTA}`))]);
});

test('only the last packet ends at the end of an OBU: libwebrtc takes such an end for the end of a frame', () => {
  const next = random(9);
  for (let round = 0; round < 500; round += 1) {
    const obu = () => {
      const payload = Array.from({ length: 1 + Math.floor(next() * 90) }, () => Math.floor(next() * 128));
      return [0x32, payload.length, ...payload];
    };
    const unit = Uint8Array.from([...AV1_SEQUENCE, ...obu(), ...obu(), ...obu()]);
    const payloads = payloadsOf((sink) => packetizeAv1(unit, 60, true, sink));
    const isContinued = payloads.map(({ bytes }) => ((bytes[0] ?? 0) & 0x40) !== 0);
    const continues = payloads.map(({ bytes }) => ((bytes[0] ?? 0) & 0x80) !== 0);
    expect(isContinued).toEqual(payloads.map((_, i) => i < payloads.length - 1));
    expect(continues).toEqual(payloads.map((_, i) => i > 0));
    expect(Math.max(...payloads.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(60);
  }
});

test('a unit of several frames survives a round trip', () => {
  const unit = hex(`${STORED_SEQUENCE} ${STORED_KEY} ${STORED_DELTA} 36080330ddee`);
  const { seen, depacketizer } = joined();
  send(packetizeAv1, unit, 3000, depacketizer);
  expect(toHex(seen.units[0]?.data ?? hex(''))).toBe(toHex(unit));
});

test('mutated packets give units or damage, in the order of their times', () => {
  const next = random(1);
  const { seen, depacketizer } = joined();
  const packets = [
    `28 0c ${SEQUENCE} ${KEY}`,
    `10 ${DELTA}`,
    '50 30 30dd0102',
    'd0 0102',
    '90 0304',
    `00 05 ${KEY} 04 ${DELTA}`,
  ];
  for (let round = 0; round < 30_000; round += 1) {
    const packet = mutate(hex(packets[Math.floor(next() * packets.length)] as string), next);
    depacketizer.push(packet, 0, packet.length, round * 1000, next() < 0.5, next() < 0.05);
  }
  expect(seen.units.length).toBeGreaterThan(500);
  expect(seen.units.map(({ pts }) => pts)).toEqual(seen.units.map(({ pts }) => pts).toSorted((a, b) => a - b));
});

test('mutated units are cut into packets within the limit', () => {
  const next = random(2);
  const unit = unitOf(3000, true);
  for (let round = 0; round < 3_000; round += 1) {
    for (const { bytes } of payloadsOf((sink) => packetizeAv1(mutate(unit, next), 1188, true, sink))) {
      expect(bytes.length).toBeLessThanOrEqual(1188);
    }
  }
});

test('mutated sequence headers are read or rejected with a PerchError', () => {
  const next = random(3);
  for (let round = 0; round < 20_000; round += 1) {
    try {
      expect(parseAv1Sequence(mutate(AV1_SEQUENCE, next)).width).toBeLessThanOrEqual(65_536);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
