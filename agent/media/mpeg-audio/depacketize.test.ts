import { expect, test } from 'vitest';
import { byLength } from '../../../test/peers/programs/peers.ts';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { Collector, hex, payloadsOf, rtpFormat, send, toHex } from '../../../test/support/media/units.ts';
import { createMpegAudioDepacketizer } from './depacketize.ts';
import { packetizeMpegAudio } from './packetize.ts';
import { parseMpegAudioFrame } from './params.ts';

/** A frame with this header and distinct payload bytes. */
function frame(header: string, fill: number): Uint8Array {
  const bytes = hex(header);
  const whole = new Uint8Array(parseMpegAudioFrame(bytes, 0, 4).sizeBytes).fill(fill);
  whole.set(bytes);
  return whole;
}

/** 417 bytes at 44.1 kHz; 1,152 samples are 2,351 ticks and a little. */
const MP3 = 'fffb9064';
/** 1,728 bytes: more than a packet holds. */
const LAYER_2 = 'fffde804';

function setUp(clockRate = 90_000) {
  const seen = new Collector();
  const depacketizer = createMpegAudioDepacketizer(rtpFormat('MPA', clockRate, 1, {}), seen);
  if (!depacketizer) {
    throw new Error('not supported');
  }
  const push = (payload: Uint8Array, ticks: number, gap = false) => {
    const bytes = Uint8Array.from([0xff, ...payload, 0xff]);
    depacketizer.push(bytes, 1, bytes.length - 1, ticks, false, gap);
    // The chunk is the socket's again.
    bytes.fill(0xee);
  };
  return { seen, depacketizer, push, units: () => seen.units.map(({ pts, data }) => [pts, data[4], data.length]) };
}

const payload = (offset: number, ...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from([0, 0, offset >> 8, offset & 0xff, ...parts.flatMap((part) => [...part])]);

test('the first frame makes the track known, in ticks of 90 kHz', () => {
  const { seen, push } = setUp();
  expect(seen.tracks).toEqual([]);
  push(payload(0, frame(MP3, 1)), 900);
  expect(seen.tracks).toEqual([
    { kind: 'audio', codec: 'mpeg-audio', clockRate: 90_000, version: 1, layer: 3, sampleRate: 44_100, channels: 2 },
  ]);
  push(payload(0, frame(MP3, 2)), 3251);
  push(payload(0, frame('fffb9264', 3)), 5602);
  expect(seen.tracks).toHaveLength(1);
  push(payload(0, frame('fffb92c4', 4)), 7953);
  expect(seen.tracks.at(-1)).toMatchObject({ channels: 1 });
  expect(toHex(seen.units[0]?.data ?? new Uint8Array())).toBe(toHex(frame(MP3, 1)));
});

test('another clock is not supported', () => {
  expect(createMpegAudioDepacketizer(rtpFormat('MPA', 44_100, 2, {}), new Collector())).toBeUndefined();
});

test('frames of one packet follow each other in time', () => {
  const { push, units } = setUp();
  push(payload(0, frame(MP3, 1), frame(MP3, 2), frame(MP3, 3)), 1000);
  expect(units()).toEqual([
    [1000, 1, 417],
    [3351, 2, 417],
    [5702, 3, 417],
  ]);
});

test('fragments become one frame, with the time of the first', () => {
  const { seen, push, units } = setUp();
  const whole = frame(LAYER_2, 7);
  push(payload(0, whole.subarray(0, 1000)), 500);
  push(payload(1000, whole.subarray(1000, 1500)), 500);
  push(payload(1500, whole.subarray(1500)), 500);
  expect(units()).toEqual([[500, 7, 1728]]);
  expect(seen.damage).toEqual([]);
});

test.for([
  ['a lost fragment', [0, 1500], true, 'missing'],
  ['a lost fragment without a reported gap', [0, 1500], false, 'fragment of 228 bytes at 1500'],
  ['a frame that is never completed', [0], false, 'no end'],
] as const)('%s is damage, and the next frame is good', ([, offsets, isGap, reason]) => {
  const { seen, push, units } = setUp();
  const whole = frame(LAYER_2, 7);
  for (const offset of offsets) {
    push(payload(offset, whole.subarray(offset, offset === 0 ? 1000 : undefined)), 500, isGap && offset > 0);
  }
  push(payload(0, frame(MP3, 1)), 5000);
  expect(seen.damage).toEqual([expect.stringContaining(reason)]);
  expect(units()).toEqual([[5000, 1, 417]]);
});

test('the rest of a frame without its start is dropped, and so is an empty packet', () => {
  const { seen, push } = setUp();
  push(payload(1000, frame(LAYER_2, 7).subarray(1000)), 0);
  push(payload(0), 100);
  push(hex('0000'), 200);
  expect([seen.units, seen.damage]).toEqual([[], []]);
});

test('bytes outside of frames are damage; the frames before them are delivered', () => {
  const { seen, push, units } = setUp();
  push(payload(0, frame(MP3, 1), hex('0011223344')), 0);
  expect(units()).toEqual([[0, 1, 417]]);
  expect(seen.damage).toEqual([expect.stringContaining('no sync word')]);
});

test("the packetizer's output is depacketized unchanged, at each packet size", () => {
  for (const size of [100, 417, 421, 1188, 1440]) {
    const { seen, depacketizer } = setUp();
    const frames = [MP3, LAYER_2, 'ffffe000', 'ffe318c4'].map((header, i) => frame(header, i + 1));
    for (const [i, bytes] of frames.entries()) {
      const sizes = payloadsOf((sink) => packetizeMpegAudio(bytes, size, true, sink)).map((p) => p.bytes.length);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(size);
      send(packetizeMpegAudio, bytes, i * 4000, depacketizer, size);
    }
    expect(seen.units.map(({ data }) => toHex(data))).toEqual(frames.map(toHex));
  }
});

const ROUNDS = byLength(7_000, 20_000);

test('mutated and lost packets give whole frames or damage', () => {
  const next = random(2250);
  const { seen, push } = setUp();
  for (let round = 0; round < ROUNDS; round += 1) {
    const whole = frame(round % 2 ? MP3 : LAYER_2, round & 0xff);
    const offset = next() < 0.5 ? 0 : Math.floor(next() * whole.length);
    push(mutate(payload(offset, whole.subarray(offset, offset + 1000)), next), round * 2351, next() < 0.1);
  }
  for (const { data } of seen.units) {
    expect(parseMpegAudioFrame(data, 0, data.length).sizeBytes).toBe(data.length);
  }
  expect(seen.units.length).toBeGreaterThan(ROUNDS / 20);
  expect(seen.damage.length).toBeGreaterThan(ROUNDS / 20);
});
