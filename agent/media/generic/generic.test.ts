import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { Collector, hex, rtpFormat, toHex } from '../../../test/support/media/units.ts';
import { createDepacketizer } from '../codecs.ts';
import type { Depacketizer } from '../payload/depacketizer.ts';
import { packetizeGeneric } from './packetize.ts';

const FORMAT = rtpFormat('X-GST', 48_000, 1, {});

function setUp() {
  const seen = new Collector();
  const depacketizer = createDepacketizer(FORMAT, seen, { relayAs: 'audio' }) as Depacketizer;
  const push = (text: string, ticks: number, marker = false) => {
    const bytes = hex(text);
    depacketizer.push(bytes, 0, bytes.length, ticks, marker, false);
  };
  return { seen, depacketizer, push };
}

function packetsOf(data: Uint8Array): string[] {
  const packets: string[] = [];
  const onPayload = (_: number, __: number, bytes: Uint8Array, start: number, end: number, marker: boolean) =>
    void packets.push(`${toHex(bytes.subarray(start, end))}${marker ? ' marked' : ''}`);
  packetizeGeneric(data, 1_400, true, { onPayload });
  return packets;
}

test('a format without a codec is left out unless it may be relayed, and a known codec is never relayed', () => {
  const known = rtpFormat('H264', 90_000, 1, { 'packetization-mode': '2' });
  expect(createDepacketizer(FORMAT, new Collector())).toBeUndefined();
  expect(createDepacketizer(known, new Collector(), { relayAs: 'video' })).toBeUndefined();
});

test('packets of one time are one sample, with their bytes and markers', () => {
  const { seen, push } = setUp();
  push('01', 900);
  push('0203', 900);
  push('', 1_800);
  push('04', 2_700, true);
  push('05', 3_600, true);
  expect(seen.units.map(({ pts, data }) => [pts, ...packetsOf(data)])).toEqual([
    [900, '01', '0203'],
    [1_800, ''],
    [2_700, '04 marked'],
    [3_600, '05 marked'],
  ]);
});

test('packets of one time without end are dropped at the limit of a sample, and the next ones pass', () => {
  const { seen, depacketizer, push } = setUp();
  const large = new Uint8Array(1_400);
  for (let i = 0; i < 200; i += 1) {
    depacketizer.push(large, 0, large.length, 900, false, false);
  }
  push('07', 1_800, true);
  expect(seen.units.every(({ data }) => data.length <= 64 << 10)).toBe(true);
  expect(packetsOf(seen.units.at(-1)?.data ?? large)).toEqual(['07 marked']);
});

test('damaged samples yield payloads from inside them', () => {
  const { seen, push } = setUp();
  push('01020304', 900);
  push('0506', 900, true);
  const next = random(1);
  for (let i = 0; i < 2_000; i += 1) {
    const data = mutate(seen.units[0]?.data ?? new Uint8Array(), next);
    packetizeGeneric(data, 1_400, true, {
      onPayload: (_, __, bytes, start, end) => expect(start <= end && bytes === data).toBe(true),
    });
  }
});
