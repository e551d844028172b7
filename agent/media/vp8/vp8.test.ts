import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { Collector, hex, payloadsOf, pushHex, send, toHex } from '../../../test/support/media/units.ts';
import { PerchError } from '../../base/errors.ts';
import { VIDEO_SAMPLES } from '../sample/sample-buffer.ts';
import { Vp8Depacketizer } from './depacketize.ts';
import { packetizeVp8 } from './packetize.ts';
import { parseVp8Size } from './params.ts';

/** Frame tag, start code, 320x240: the beginning of a key frame of libvpx. */
const KEY = '107000 9d012a 4001 f000';
const DELTA = '317000';

function setUp() {
  const seen = new Collector();
  return { seen, depacketizer: new Vp8Depacketizer(seen) };
}

const ptsOf = (seen: Collector) => seen.units.map(({ pts }) => pts);

test.for([
  ['one byte', '10'],
  ['a picture number of 7 bits', '90 80 11'],
  ['a picture number of 15 bits', '90 80 8011'],
  ['all extensions', '90 f0 8011 22 33'],
  ['TL0PICIDX alone', '90 40 22'],
  ['the layer alone', '90 20 33'],
] as const)('a frame is read from a packet whose descriptor is %s', ([, descriptor]) => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `${descriptor} ${KEY} aabb`, 3000, true);
  expect(seen.tracks).toEqual([
    { kind: 'video', codec: 'vp8', clockRate: 90_000, width: 320, height: 240, fps: undefined },
  ]);
  expect(seen.units.map(({ pts, dts, key, data }) => [pts, dts, key, toHex(data)])).toEqual([
    [3000, 3000, true, toHex(hex(`${KEY} aabb`))],
  ]);
});

test('partitions that begin in packets of their own belong to the frame of the first one', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `10 ${KEY} aa`, 0);
  pushHex(depacketizer, '11 bb', 0);
  pushHex(depacketizer, '01 cc', 0);
  pushHex(depacketizer, '12 dd', 0, true);
  expect(seen.units.map(({ data }) => toHex(data))).toEqual([toHex(hex(`${KEY} aabbccdd`))]);
  expect(seen.damage).toEqual([]);
});

test('no frame is delivered before the first key frame', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `10 ${DELTA}`, 0, true);
  pushHex(depacketizer, `10 ${KEY}`, 3000, true);
  pushHex(depacketizer, `10 ${DELTA}`, 6000, true);
  expect(seen.units.map(({ pts, key }) => [pts, key])).toEqual([
    [3000, true],
    [6000, false],
  ]);
});

test('a clock that steps back after the first key frame costs no frame, because none can lead it', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `10 ${KEY}`, 90_000, true);
  pushHex(depacketizer, `10 ${DELTA}`, 60_000, true);
  pushHex(depacketizer, `10 ${DELTA}`, 93_000, true);
  expect(ptsOf(seen)).toEqual([90_000, 90_001, 93_000]);
});

test('a new size in a key frame is a new description, the same size is not', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `10 ${KEY}`, 0, true);
  pushHex(depacketizer, `10 ${KEY}`, 3000, true);
  // The two highest bits of each side ask for scaling, which is not the picture's size.
  pushHex(depacketizer, '10 107000 9d012a 8042 6841', 6000, true);
  expect(seen.tracks).toMatchObject([{ width: 320 }, { width: 640, height: 360 }]);
});

test('after a gap no frame is delivered until the next key frame', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `10 ${KEY}`, 0, true);
  pushHex(depacketizer, `10 ${DELTA}`, 3000, true, true);
  pushHex(depacketizer, `10 ${DELTA}`, 6000, true);
  pushHex(depacketizer, `10 ${KEY}`, 9000, true);
  expect(ptsOf(seen)).toEqual([0, 9000]);
  expect(seen.damage).toEqual(['packets are missing']);
});

test('a key frame directly after a gap is delivered if its start is present', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `10 ${KEY}`, 0, true);
  pushHex(depacketizer, `10 ${KEY}`, 3000, true, true);
  pushHex(depacketizer, '00 aabb', 6000, true, true);
  expect(ptsOf(seen)).toEqual([0, 3000]);
});

test('without markers the next frame ends the previous one, at any timestamp', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `10 ${KEY}`, 0);
  pushHex(depacketizer, `10 ${DELTA}`, 3000);
  pushHex(depacketizer, `10 ${DELTA}`, 3000);
  pushHex(depacketizer, '00 aabb', 3000);
  pushHex(depacketizer, `10 ${DELTA}`, 6000);
  expect(seen.units.map(({ pts, data }) => [pts, data.length])).toEqual([
    [0, 10],
    [3000, 3],
    [3001, 5],
  ]);
});

test('a sender that marks each packet is found out: from then on frames end with the next one', () => {
  const { seen, depacketizer } = setUp();
  for (const [ticks, frame] of [
    [0, KEY],
    [3000, DELTA],
    [6000, KEY],
    [9000, DELTA],
    [12_000, DELTA],
  ] as const) {
    pushHex(depacketizer, `10 ${frame}`, ticks, true);
    pushHex(depacketizer, '00 aabb', ticks, true);
  }
  expect(seen.units.map(({ pts, data }) => [pts, data.length])).toEqual([
    [0, 10],
    [6000, 12],
    [9000, 5],
  ]);
  expect(seen.damage).toEqual(['packets follow the marker: this sender sets it too early']);
});

test.for([
  ['without start code', '107000 9d012b 4001 f000'],
  ['that is cut short', '107000 9d012a'],
  ['without width', '107000 9d012a 0000 f000'],
] as const)('a key frame %s is damage', ([, frame]) => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `10 ${KEY}`, 0, true);
  pushHex(depacketizer, `10 ${frame}`, 3000, true);
  expect(ptsOf(seen)).toEqual([0]);
  expect(seen.damage).toHaveLength(1);
  expect(() => parseVp8Size(hex(frame), 0, hex(frame).length)).toThrow(PerchError);
});

test.for([10, 1187, 1188, 5000])('a frame of %i bytes survives the round trip', (bytes) => {
  const next = random(bytes);
  const frame = Uint8Array.from({ length: bytes }, () => next() * 256);
  frame.set(hex(KEY));
  const payloads = payloadsOf((sink) => packetizeVp8(frame, 1188, true, sink));
  expect(payloads.map(({ marker }) => marker)).toEqual([...payloads.slice(1).map(() => false), true]);
  expect(Math.max(...payloads.map(({ bytes: payload }) => payload.length))).toBeLessThanOrEqual(1188);
  const { seen, depacketizer } = setUp();
  send(packetizeVp8, frame, 0, depacketizer, 1188);
  expect(seen.units[0]?.data).toEqual(frame);
});

test('a frame beyond the limit is dropped', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, `10 ${KEY}`, 0, true);
  const megabyte = new Uint8Array(1 << 20);
  depacketizer.push(hex(`10 ${KEY}`), 0, 11, 3000, false, false);
  for (let i = 0; i < 9; i += 1) {
    depacketizer.push(megabyte, 0, megabyte.length, 3000, i === 8, false);
  }
  pushHex(depacketizer, `10 ${KEY}`, 6000, true);
  expect(ptsOf(seen)).toEqual([0, 6000]);
  expect(seen.damage).toEqual([`frame is larger than ${VIDEO_SAMPLES.maxSampleBytes} bytes`]);
});

test('mutated packets give frames or damage, in the order of their times', () => {
  const next = random(7741);
  const { seen, depacketizer } = setUp();
  for (let round = 0; round < 20_000; round += 1) {
    const frame = round % 5 === 0 ? `90 f0 8011 22 33 ${KEY} 0102030405` : `10 ${DELTA} 0102030405`;
    const packet = mutate(hex(frame), next);
    depacketizer.push(packet, 0, packet.length, round * 3000, next() < 0.9, next() < 0.05);
  }
  expect(seen.units.length).toBeGreaterThan(1000);
  expect(ptsOf(seen)).toEqual(ptsOf(seen).toSorted((a, b) => a - b));
});
