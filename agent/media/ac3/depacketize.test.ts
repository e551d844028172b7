import { expect, test } from 'vitest';
import { byLength } from '../../../test/peers/programs/peers.ts';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { Collector, hex, payloadsOf, rtpFormat, send, toHex } from '../../../test/support/media/units.ts';
import { createAc3Depacketizer } from './depacketize.ts';
import { packetizeAc3 } from './packetize.ts';
import { AC3 } from './params.ts';

function frame(header: string, fill: number): Uint8Array {
  const bytes = hex(header);
  const whole = new Uint8Array(AC3.parse(bytes, 0, 7).sizeBytes).fill(fill);
  whole.set(bytes);
  return whole;
}

/** 256 bytes, and 1,792 bytes: more than a packet holds. */
const MONO = '0b77 0000 08 40 20';
const SURROUND = '0b77 0000 1e 40 e1';

function setUp(clockRate = 48_000) {
  const seen = new Collector();
  const depacketizer = createAc3Depacketizer(rtpFormat('AC3', clockRate, 2, {}), seen);
  if (!depacketizer) {
    throw new Error('not supported');
  }
  const push = (payload: Uint8Array, ticks: number, gap = false) => {
    const bytes = Uint8Array.from([0xff, ...payload, 0xff]);
    depacketizer.push(bytes, 1, bytes.length - 1, ticks, false, gap);
    // The chunk is the socket's again.
    bytes.fill(0xee);
  };
  return { seen, depacketizer, push, units: () => seen.units.map(({ pts, data }) => [pts, data[7], data.length]) };
}

const payload = (type: number, count: number, ...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from([type, count, ...parts.flatMap((part) => [...part])]);

test('the first frame makes the track known, and the second one with other channels changes it', () => {
  const { seen, push } = setUp();
  push(payload(0, 1, frame(MONO, 1)), 0);
  push(payload(0, 1, frame(MONO, 2)), 1536);
  for (const [i, header] of ['0b77 0000 08 40 40', MONO, '0b77 0000 08 40 40', '0b77 0000 08 40 40'].entries()) {
    push(payload(0, 1, frame(header, 3 + i)), 1536 * (i + 2));
  }
  expect(seen.units.map(({ data }) => data[7])).toEqual([1, 2, 4, 6]);
  expect(seen.damage).toHaveLength(2);
  expect(seen.tracks).toEqual([
    { kind: 'audio', codec: 'ac3', clockRate: 48_000, channels: 1, config: hex('100880') },
    { kind: 'audio', codec: 'ac3', clockRate: 48_000, channels: 2, config: hex('101080') },
  ]);
});

test('another clock is not supported', () => {
  expect(createAc3Depacketizer(rtpFormat('AC3', 90_000, 2, {}), new Collector())).toBeUndefined();
});

test('frames of one packet follow each other in time', () => {
  const { push, units } = setUp();
  push(payload(0, 2, frame(MONO, 1), frame(MONO, 2)), 1000);
  expect(units()).toEqual([
    [1000, 1, 256],
    [2536, 2, 256],
  ]);
});

test('fragments become one frame', () => {
  const { seen, push, units } = setUp();
  const whole = frame(SURROUND, 7);
  push(payload(2, 3, whole.subarray(0, 800)), 500);
  push(payload(3, 3, whole.subarray(800, 1600)), 500);
  push(payload(3, 3, whole.subarray(1600)), 500);
  expect(units()).toEqual([[500, 7, 1792]]);
  expect(seen.damage).toEqual([]);
});

test.for([
  ['a lost fragment', [0, 1600], true, 500, 'missing'],
  ['a fragment of another frame', [0, 800], false, 2036, 'missing'],
  ['more bytes than the frame has', [0, 600], false, 500, 'have 1992'],
  ['a frame that is never completed', [0, 0], false, 500, 'no end'],
] as const)('%s is damage, and the next frame is good', ([, offsets, isGap, ticks, reason]) => {
  const { seen, push, units } = setUp();
  const whole = frame(SURROUND, 7);
  for (const [i, offset] of offsets.entries()) {
    const part = whole.subarray(offset, offset === 0 ? 800 : undefined);
    push(payload(offset === 0 ? 2 : 3, 2, part), i === 0 ? 500 : ticks, isGap && i > 0);
  }
  push(payload(0, 1, frame(SURROUND, 1)), 5000, true);
  expect(seen.damage[0]).toContain(reason);
  expect(units()).toEqual([[5000, 1, 1792]]);
});

test('a frame cut short is damage where whole frames are promised; the frames before it are good', () => {
  const { seen, push, units } = setUp();
  push(payload(0, 2, frame(MONO, 1), frame(MONO, 2).subarray(0, 100)), 0);
  expect(units()).toEqual([[0, 1, 256]]);
  expect(seen.damage).toEqual(['AC-3 frame of 256 bytes in a packet with 100 bytes left']);
});

test('the rest of a frame without its start is dropped, and so is an empty packet', () => {
  const { seen, push } = setUp();
  push(payload(3, 2, new Uint8Array(200)), 0);
  push(payload(0, 1), 0);
  push(hex('00'), 0);
  expect([seen.units, seen.damage]).toEqual([[], []]);
});

test.for([
  [1440, ['0102', '0302']],
  [1188, ['0102', '0302']],
  [1000, ['0202', '0302']],
  [700, ['0203', '0303', '0303']],
  [1794, ['0001']],
] as const)('with packets of %i bytes a frame of 1792 is fragmented and reassembled', ([size, headers]) => {
  const whole = frame(SURROUND, 9);
  const sent = payloadsOf((sink) => packetizeAc3(whole, size, true, sink));
  expect(sent.map(({ bytes }) => toHex(bytes.subarray(0, 2)))).toEqual(headers);
  expect(sent.map(({ marker }) => marker)).toEqual(headers.map((_, i) => i === headers.length - 1));
  const { seen, depacketizer } = setUp();
  send(packetizeAc3, whole, 77, depacketizer, size);
  expect(seen.units.map(({ pts, data }) => [pts, toHex(data)])).toEqual([[77, toHex(whole)]]);
});

const ROUNDS = byLength(7_000, 20_000);

test('mutated and lost packets give whole frames or damage', () => {
  const next = random(4184);
  const { seen, push } = setUp();
  for (let round = 0; round < ROUNDS; round += 1) {
    const whole = frame(round % 2 ? MONO : SURROUND, round & 0xff);
    const type = next() < 0.5 ? 0 : Math.floor(next() * 4);
    push(mutate(payload(type, 2, whole.subarray(0, 1000)), next), Math.floor(round / 2) * 1536, next() < 0.1);
  }
  for (const { data } of seen.units) {
    expect(AC3.parse(data, 0, data.length).sizeBytes).toBe(data.length);
  }
  expect(seen.units.length).toBeGreaterThan(ROUNDS / 20);
  expect(seen.damage.length).toBeGreaterThan(ROUNDS / 20);
});
