import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { klv } from '../../../test/support/media/audio-tracks.ts';
import { TsWriter } from '../../../test/support/media/ts-writer.ts';
import { Collector, hex, payloadsOf, pushHex, rtpFormat, toHex } from '../../../test/support/media/units.ts';
import { TsDemuxer } from '../mpegts/demux/demuxer.ts';
import { TsMuxer } from '../mpegts/mux/mux.ts';
import type { Depacketizer } from '../payload/depacketizer.ts';
import { packetizeUnchanged } from '../payload/packetizer.ts';
import { createKlvDepacketizer } from './depacketize.ts';

/** The universal key of a UAS local set (MISB ST 0601), its length, and a value. */
const UNIT = '060e2b34020b01010e01030101000000 04 02020001';

function setUp() {
  const seen = new Collector();
  return { seen, depacketizer: createKlvDepacketizer(rtpFormat('SMPTE336M', 90_000, 1, {}), seen) as Depacketizer };
}
const unitsOf = ({ units }: Collector) => units.map(({ pts, data }) => [pts, toHex(data)]);

test('the SDP makes the track known; the marker ends a unit', () => {
  const { seen, depacketizer } = setUp();
  expect(seen.tracks).toEqual([klv]);
  pushHex(depacketizer, UNIT, 900, true);
  pushHex(depacketizer, '0102', 1800);
  pushHex(depacketizer, '0304', 1800, true);
  expect(unitsOf(seen)).toEqual([
    [900, toHex(hex(UNIT))],
    [1800, '01020304'],
  ]);
});

test('without a marker the next timestamp ends the unit', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, '01', 0);
  pushHex(depacketizer, '02', 900);
  pushHex(depacketizer, '03', 1800, true);
  expect(unitsOf(seen)).toEqual([
    [0, '01'],
    [900, '02'],
    [1800, '03'],
  ]);
});

test('a unit with a missing packet is dropped, and one whose first packet may be missing', () => {
  const { seen, depacketizer } = setUp();
  pushHex(depacketizer, '01', 0);
  pushHex(depacketizer, '02', 0, true, true);
  pushHex(depacketizer, '03', 900, true);
  pushHex(depacketizer, '04', 1800, true, true);
  pushHex(depacketizer, '05', 2700, true);
  expect(unitsOf(seen)).toEqual([
    [900, '03'],
    [2700, '05'],
  ]);
  expect(seen.damage).toEqual(['a packet of a KLV unit is missing']);
});

test('a unit beyond the limit is dropped', () => {
  const { seen, depacketizer } = setUp();
  for (let i = 0; i < 70; i += 1) {
    depacketizer.push(new Uint8Array(1000), 0, 1000, 0, i === 69, false);
  }
  pushHex(depacketizer, '01', 900, true);
  expect(unitsOf(seen)).toEqual([[900, '01']]);
});

test.for([20, 1188, 1189, 30_000])('a unit of %i bytes comes back as it was', (bytes) => {
  const unit = Uint8Array.from({ length: bytes }, (_, i) => i);
  const { seen, depacketizer } = setUp();
  for (const { bytes: packet, marker } of payloadsOf((sink) => packetizeUnchanged(unit, 1188, true, sink))) {
    depacketizer.push(packet, 0, packet.length, 0, marker, false);
  }
  expect(seen.units[0]?.data).toEqual(unit);
});

const PID = 0x102;
const PRIVATE = { pid: PID, type: 0x06, descriptors: [5, 4, ...Buffer.from('KLVA')] };
const METADATA = { pid: PID, type: 0x15, descriptors: [0x26, 9, 1, 0, 0xff, ...Buffer.from('KLVA'), 0, 0x0f] };
const VIDEO = { pid: 0x100, type: 0x02 };

function demuxer(takesMetadata = true) {
  const programs: (readonly (string | undefined)[])[] = [];
  const seen = new Collector();
  const made = new TsDemuxer(
    {
      onProgram(streams) {
        programs.push(streams.map(({ codec }) => codec));
        return streams.map(({ codec }) => (codec === 'klv' ? seen : new Collector()));
      },
    },
    { takesMetadata },
  );
  return { demuxer: made, seen, programs };
}

test('of a private stream each PES packet is a unit; without time it has that of the programme', () => {
  const writer = new TsWriter().pat().pmt([VIDEO, PRIVATE]);
  const options = { streamId: 0xbd, isBounded: true };
  writer.pes(PID, hex('00'), options).pes(VIDEO.pid, hex('000001b3'), { pts: 900, isBounded: true });
  writer.pes(PID, hex(UNIT), options).pes(PID, hex('0102'), { ...options, pts: 1800 });
  const { demuxer: to, seen, programs } = demuxer();
  to.push(writer.bytes);
  expect(programs).toEqual([['mpeg-video', 'klv']]);
  expect(seen.tracks).toEqual([klv]);
  expect(unitsOf(seen)).toEqual([
    [900, toHex(hex(UNIT))],
    [1800, '0102'],
  ]);
});

test('of a metadata stream the cells are units, also in fragments', () => {
  const options = { streamId: 0xfc, isBounded: true };
  const writer = new TsWriter().pat().pmt([METADATA]);
  writer.pes(PID, hex('0000df0002 0102  0001df0001 03'), { ...options, pts: 900 });
  writer.pes(PID, hex('00028f0001 04'), { ...options, pts: 1800 }).pes(PID, hex('00030f0001 05'), options);
  writer.pes(PID, hex('00044f0001 06'), options);
  // Without its first fragment, and beyond the end of the packet.
  writer
    .pes(PID, hex('00054f0001 07  0006df00ff 08'), options)
    .pes(PID, hex('0007df0001 09'), { ...options, pts: 2700 });
  const { demuxer: to, seen } = demuxer();
  to.push(writer.bytes);
  expect(unitsOf(seen)).toEqual([
    [900, '0102'],
    [900, '03'],
    [1800, '040506'],
    [2700, '09'],
  ]);
  expect(seen.damage).toEqual(['a metadata cell ends after its PES packet']);
});

test('what the muxer writes comes out again; what has no place in a cell is left out', () => {
  const muxer = new TsMuxer([klv]);
  const units = [hex(UNIT), new Uint8Array(64_000).fill(7), new Uint8Array(65_400), Uint8Array.of(1)];
  const samples = units.map((data, i) => ({ pts: 900 * i, dts: 900 * i, wall: 0, key: true, data }));
  const out = new Uint8Array(samples.reduce((sum, one) => sum + muxer.maxBytesOf(0, one), muxer.tableBytes));
  muxer.begin(out);
  for (const one of samples) {
    muxer.write(0, one, 0);
  }
  const { demuxer: to, seen } = demuxer();
  to.push(out, 0, muxer.sizeBytes);
  const first = seen.units[0]?.pts ?? 0;
  expect(seen.units.map(({ pts, data }) => [pts - first, data.length])).toEqual([
    [0, units[0]?.length],
    [900, 64_000],
    [2700, 1],
  ]);
});

test('for recordings and HLS sources KLV is known by name only', () => {
  for (const stream of [PRIVATE, METADATA]) {
    const { demuxer: to, programs } = demuxer(false);
    to.push(new TsWriter().pat().pmt([stream]).bytes);
    expect(programs).toEqual([[undefined]]);
  }
});

test('mutated packets give units or damage', () => {
  const next = random(336);
  for (const stream of [PRIVATE, METADATA]) {
    const { demuxer: to, seen } = demuxer();
    const writer = new TsWriter().pat().pmt([stream]);
    to.push(writer.bytes);
    for (let i = 0; i < 5_000; i += 1) {
      writer.packets.length = 0;
      const payload = stream === METADATA ? `0000df0015 ${UNIT}` : UNIT;
      to.push(mutate(writer.pes(PID, hex(payload), { pts: 900 * i, streamId: 0xfc, isBounded: true }).bytes, next));
    }
    expect(seen.units.length).toBeGreaterThan(500);
    expect(seen.units.every(({ data }) => data.length < 65_536)).toBe(true);
  }
});
