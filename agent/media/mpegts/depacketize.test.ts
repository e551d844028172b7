import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { Collector, payloadsOf, rtpFormat, send } from '../../../test/support/media/units.ts';
import { createMpegTsDepacketizer } from './depacketize.ts';
import { packetizeMpegTs } from './packetize.ts';

/** Transport packets, each filled with its number. */
function packets(...numbers: readonly number[]): Uint8Array {
  return Uint8Array.from(numbers.flatMap((number) => [0x47, ...new Array(187).fill(number)]));
}

function setUp() {
  const seen = new Collector();
  const depacketizer = createMpegTsDepacketizer(rtpFormat('MP2T', 90_000, 1, {}), seen);
  if (!depacketizer) {
    throw new Error('not supported');
  }
  const push = (payload: Uint8Array, ticks: number, gap = false) => {
    const bytes = Uint8Array.from([0x47, ...payload, 0x47]);
    depacketizer.push(bytes, 1, bytes.length - 1, ticks, false, gap);
    // The chunk is the socket's again.
    bytes.fill(0xee);
  };
  /** Time of each sample and the numbers of its packets. */
  const units = () =>
    seen.units.map(({ pts, data }) => [
      pts,
      ...Array.from({ length: data.length / 188 }, (_, i) => data[i * 188 + 187]),
    ]);
  return { seen, depacketizer, push, units };
}

test('the SDP makes the track known', () => {
  expect(setUp().seen.tracks).toEqual([{ kind: 'multiplex', codec: 'mpeg-ts', clockRate: 90_000 }]);
});

test('another clock is not supported', () => {
  expect(createMpegTsDepacketizer(rtpFormat('MP2T', 8_000, 1, {}), new Collector())).toBeUndefined();
});

test('the packets of a payload are one sample, at which every reader may join', () => {
  const { seen, push, units } = setUp();
  push(packets(1, 2, 3, 4, 5, 6, 7), 900);
  push(packets(8), 1800);
  expect(units()).toEqual([
    [900, 1, 2, 3, 4, 5, 6, 7],
    [1800, 8],
  ]);
  expect(seen.units.every(({ key }) => key)).toBe(true);
});

test('a packet that was cut in two is whole again with the next payload', () => {
  const { seen, push, units } = setUp();
  const all = packets(1, 2, 3, 4);
  push(all.subarray(0, 300), 0);
  push(all.subarray(300, 400), 10);
  push(all.subarray(400), 20);
  expect(units()).toEqual([
    [0, 1],
    [10, 2],
    [20, 3, 4],
  ]);
  expect(seen.damage).toEqual([]);
});

test('a packet whose second half is lost is left out', () => {
  const { seen, push, units } = setUp();
  push(packets(1, 2).subarray(0, 300), 0);
  push(packets(3), 10, true);
  expect(units()).toEqual([
    [0, 1],
    [10, 3],
  ]);
  expect(seen.damage).toEqual(['the rest of an MPEG-TS packet of which 112 bytes had come is missing']);
});

test.for([
  ['before the first packet', [9, 9, 0x47, 9, 9], [[0, 2, 3]]],
  ['that look like the start of one', [0x47, ...new Array(99).fill(9)], [[0, 2, 3]]],
] as const)('bytes %s are passed over', ([, junk, expected]) => {
  const { seen, push, units } = setUp();
  push(Uint8Array.from([...junk, ...packets(2, 3)]), 0);
  push(packets(4), 1);
  expect(units()).toEqual([...expected, [1, 4]]);
  expect(seen.damage).toEqual([`${junk.length} bytes between MPEG-TS packets`]);
});

test('bytes between packets are skipped', () => {
  const { seen, push, units } = setUp();
  push(Uint8Array.from([...packets(1), 1, 2, 3, ...packets(2, 3)]), 0);
  expect(units()).toEqual([[0, 1, 2, 3]]);
  expect(seen.damage).toEqual(['3 bytes between MPEG-TS packets']);
});

test('payloads without any packet are damage and nothing else', () => {
  const { seen, push } = setUp();
  push(new Uint8Array(1000), 0);
  push(new Uint8Array(0), 0);
  expect(seen.units).toEqual([]);
  expect(seen.damage).toEqual(['1000 bytes between MPEG-TS packets']);
});

test.for([
  [1440, [1316]],
  [1188, [1128, 188]],
  [188, new Array(7).fill(188)],
  [187, []],
] as const)('with payloads of at most %i bytes seven packets go as %j', ([size, expected]) => {
  const sent = payloadsOf((sink) => packetizeMpegTs(packets(1, 2, 3, 4, 5, 6, 7), size, true, sink));
  expect(sent.map(({ bytes }) => bytes.length)).toEqual(expected);
});

test("the packetizer's output is depacketized unchanged", () => {
  const { seen, depacketizer } = setUp();
  const data = packets(1, 2, 3, 4, 5, 6, 7);
  send(packetizeMpegTs, data, 90, depacketizer, 1188);
  expect(Buffer.concat(seen.units.map((unit) => unit.data))).toEqual(Buffer.from(data));
});

test('mutated and lost payloads give whole packets or damage, and nothing grows', () => {
  const next = random(13818);
  const { seen, push } = setUp();
  for (let round = 0; round < 10_000; round += 1) {
    const data = packets(round & 0xff, 1, 2);
    const from = next() < 0.5 ? 0 : Math.floor(next() * data.length);
    push(mutate(data.subarray(from), next), round, next() < 0.1);
  }
  let wrong = 0;
  for (const { data } of seen.units) {
    for (let at = 0; at < data.length; at += 188) {
      wrong += data[at] === 0x47 && data.length % 188 === 0 ? 0 : 1;
    }
    wrong += data.length > 6 * 188 ? 1 : 0;
  }
  expect(wrong).toBe(0);
  expect(seen.units.length).toBeGreaterThan(5_000);
  expect(seen.damage.length).toBeGreaterThan(1_000);
});
