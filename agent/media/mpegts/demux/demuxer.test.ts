import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { ac3, eac3, mp3 } from '../../../../test/support/media/audio-tracks.ts';
import { tinyH264, tinyVideo } from '../../../../test/support/media/tiny-h264.ts';
import { H265_PPS, H265_SPS, H265_UNITS, H265_VPS } from '../../../../test/support/media/tiny-streams.ts';
import { demuxing, muxed, type Put } from '../../../../test/support/media/ts-demuxing.ts';
import { TsWriter } from '../../../../test/support/media/ts-writer.ts';
import { type Collector, hex, sampleOf, toHex } from '../../../../test/support/media/units.ts';
import { MPEG2_CONFIG, MPEG4_CONFIG, mpeg2Video, mpeg4Video } from '../../../../test/support/media/video-tracks.ts';
import type { Sample } from '../../sample/sample.ts';
import type { AacTrack, OpusTrack, Track } from '../../sample/track.ts';
import { START_TICKS } from '../mux/mux.ts';
import { TsDemuxer } from './demuxer.ts';

const aac: AacTrack = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 48_000,
  channels: 2,
  config: hex('1190'),
  frameSamples: 1024,
};
const opus: OpusTrack = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };

const sample = (dts: number, data: Uint8Array, key = true, pts = dts): Sample => ({ pts, dts, wall: 0, key, data });
const unitsOf = (stream: Collector | undefined) =>
  (stream?.units ?? []).map(({ pts, dts, key, data }) => [pts - START_TICKS, dts - START_TICKS, key, toHex(data)]);
const expected = (puts: readonly Put[], track: number, { clockRate }: Track) =>
  puts
    .filter(([own]) => own === track)
    .map(([, { pts, dts, key, data }]) => [
      Math.round((pts * 90_000) / clockRate),
      Math.round((dts * 90_000) / clockRate),
      key,
      toHex(data),
    ]);

const h265: Track = {
  ...tinyH264,
  codec: 'h265',
  vps: hex(H265_VPS),
  sps: hex(H265_SPS),
  pps: [hex(H265_PPS)],
};
/** Two frames of delay: the coder reorders by two. */
const reordered: readonly Put[] = H265_UNITS.map(([frame, nal], i) => [
  0,
  sample(i * 3600, sampleOf(hex(nal)), i === 0, (frame + 2) * 3600),
]);
const vop = (kind: 'I' | 'P', at: number): Uint8Array =>
  Uint8Array.of(0, 0, 1, 0xb6, (kind === 'I' ? 0x10 : 0x50) | (at >> 2), ((at & 3) << 6) | 0x30, 0xaa, 0xbb);
const frame = (head: string, size: number): Uint8Array => {
  const data = new Uint8Array(size).fill(0x55);
  data.set(hex(head));
  return data;
};

test.for([1, 7, 187, 188, 189, 1316, 65_536])('pieces of %i bytes give the same units', (pieceBytes) => {
  const video = tinyVideo(30, 10, 10).map((picture): Put => [0, picture]);
  const audio = Array.from({ length: 60 }, (_, i): Put => [1, sample(i * 1024, new Uint8Array(300).fill(i))]);
  const { push, streams, events, demuxer } = demuxing();
  push(muxed([tinyH264, aac], [...video, ...audio]), pieceBytes);
  demuxer.end();
  expect(unitsOf(streams[0])).toEqual(expected(video, 0, tinyH264));
  expect(unitsOf(streams[1])).toEqual(expected(audio, 1, aac));
  expect(streams[1]?.tracks).toEqual([aac]);
  expect(streams[0]?.tracks).toMatchObject([{ codec: 'h264', width: 64, height: 48, sps: tinyH264.sps }]);
  expect([events, demuxer.lostPackets]).toEqual([['program'], 0]);
});

test.for([
  ['H.265 with B-frames', h265, reordered],
  [
    'MPEG-4 part 2',
    mpeg4Video,
    [0, 1, 2, 3].map((i): Put => {
      const picture = vop(i === 0 ? 'I' : 'P', i);
      const data = i === 0 ? Uint8Array.of(...MPEG4_CONFIG, ...picture) : picture;
      return [0, sample(i * 3600, data, i === 0)];
    }),
  ],
  [
    'MPEG-2 video with B-pictures',
    mpeg2Video,
    ['I', 'P', 'B', 'B'].map((kind, i): Put => {
      const order = [0, 3, 1, 2][i] as number;
      const head = [
        0,
        0,
        1,
        0,
        order >> 2,
        ((order & 3) << 6) | (({ I: 1, P: 2, B: 3 }[kind] as number) << 3),
        0xff,
        0xfb,
        0xb8,
      ];
      const picture = Uint8Array.of(...head, 0, 0, 1, 1, 0xaa, 0xbb);
      const data = i === 0 ? Uint8Array.of(...MPEG2_CONFIG, ...picture) : picture;
      return [0, sample(i * 3600, data, i === 0, (order + 1) * 3600)];
    }),
  ],
  ['MP3', mp3, [0, 1, 2].map((i): Put => [0, sample(i * 2351, frame('fffb9064', 417))])],
  ['AC-3', ac3, [0, 1, 2].map((i): Put => [0, sample(i * 1536, frame('0b77000014404300', 768))])],
  ['E-AC-3', eac3, [0, 1, 2].map((i): Put => [0, sample(i * 1536, frame('0b77037f3f87c00020f8', 1792))])],
  ['Opus', opus, [0, 1, 2].map((i): Put => [0, sample(i * 960, frame('fc', 200 + 100 * i))])],
] as const)('the demuxer returns what the muxer wrote: %s', ([, track, puts]) => {
  const { push, streams, demuxer } = demuxing();
  push(muxed([track], puts), 1000);
  demuxer.end();
  expect(unitsOf(streams[0])).toEqual(expected(puts, 0, track));
  expect(streams[0]?.tracks.map(({ codec }) => codec)).toEqual([track.codec]);
  expect(streams[0]?.damage).toEqual([]);
});

test('times continue across the wrap of 33 bits', () => {
  const wrapAt = 2 ** 33 - START_TICKS;
  const puts = tinyVideo(50, 10, 10).map((picture): Put => [0, picture]);
  const { push, streams, demuxer } = demuxing();
  push(muxed([tinyH264], puts, -(wrapAt - 90_000)));
  demuxer.end();
  const first = streams[0]?.units[0]?.dts ?? 0;
  expect(streams[0]?.units.map(({ dts }) => dts - first)).toEqual(puts.map(([, { dts }]) => dts));
});

const SETS = `00000001 09f0 00000001 ${toHex(tinyH264.sps)} 00000001 ${toHex(tinyH264.pps[0] as Uint8Array)}`;
const [IDR, ...SKIPS] = tinyVideo(12, 10, 12).map(({ data }) => toHex(data.subarray(4)));
const keyUnit = hex(`${SETS} 00000001 ${IDR}`);
const skipUnit = (i: number) => hex(`00000001 09f0 00000001 ${SKIPS[i]}`);
const VIDEO = 0x100;
const AUDIO = 0x101;
const withVideo = () => new TsWriter().pat().pmt([{ pid: VIDEO, type: 0x1b }]);
const timesOf = (stream: Collector | undefined) => stream?.units.map(({ pts }) => pts);

test('bytes between packets are passed over and reported', () => {
  const writer = withVideo().pes(VIDEO, keyUnit, { pts: 9000 }).pes(VIDEO, skipUnit(0), { pts: 12_600 });
  const { push, streams, events, demuxer } = demuxing();
  push(Uint8Array.of(1, 2, 3, ...writer.bytes, 9, 9, 9), 100);
  demuxer.end();
  expect(timesOf(streams[0])).toEqual([9000, 12_600]);
  expect(events).toEqual(['3 bytes between MPEG-TS packets', 'program', '3 bytes between MPEG-TS packets']);
});

test('a picture with a missing packet is dropped, counted and reported; the next key picture follows', () => {
  const writer = withVideo().pes(VIDEO, keyUnit, { pts: 0, isBounded: true });
  const lost = writer.packets.length + 1;
  writer.pes(VIDEO, Buffer.concat([skipUnit(0), new Uint8Array(400).fill(0x55)]), { pts: 1800 });
  writer.pes(VIDEO, skipUnit(1), { pts: 3600 }).pes(VIDEO, keyUnit, { pts: 7200 });
  writer.pes(VIDEO, skipUnit(0), { pts: 10_800 });
  const { push, streams, demuxer } = demuxing();
  writer.packets.splice(lost, 1);
  push(writer.bytes);
  demuxer.end();
  expect(timesOf(streams[0])).toEqual([0, 7200, 10_800]);
  expect(streams[0]?.damage).toEqual(['packets are missing']);
  expect(demuxer.lostPackets).toBe(1);
});

test('a packet that is sent twice counts once', () => {
  const writer = withVideo().pes(VIDEO, keyUnit, { pts: 0 }).pes(VIDEO, skipUnit(0), { pts: 3600 });
  const { push, streams, demuxer } = demuxing();
  push(Buffer.concat(writer.packets.flatMap((packet) => [packet, packet])));
  demuxer.end();
  expect(timesOf(streams[0])).toEqual([0, 3600]);
  expect([streams[0]?.damage, demuxer.lostPackets]).toEqual([[], 0]);
});

test('after the discontinuity indicator a new continuity counter is not a loss, and the clock jump is reported', () => {
  const writer = withVideo().pes(VIDEO, keyUnit, { pts: 9000, pcr: 0 });
  writer.packet(VIDEO, new Uint8Array(0)).packets.pop();
  writer.pes(VIDEO, keyUnit, { pts: 900_000, pcr: 891_000, flags: 0x80 });
  const { push, streams, events, demuxer } = demuxing();
  push(writer.bytes);
  demuxer.end();
  expect(timesOf(streams[0])).toEqual([9000, 900_000]);
  expect([streams[0]?.damage, demuxer.lostPackets, events]).toEqual([[], 0, ['program', 'discontinuity']]);
});

test('a picture with its length is delivered at once, one without by the next', () => {
  const { push, streams } = demuxing();
  push(withVideo().pes(VIDEO, keyUnit, { pts: 0, isBounded: true }).bytes);
  expect(timesOf(streams[0])).toEqual([0]);
  const other = demuxing();
  const writer = withVideo().pes(VIDEO, keyUnit, { pts: 0 });
  other.push(writer.bytes);
  expect(timesOf(other.streams[0])).toEqual([]);
  writer.packets.length = 0;
  other.push(writer.pes(VIDEO, skipUnit(0), { pts: 3600 }).bytes);
  expect(timesOf(other.streams[0])).toEqual([0]);
});

test('several access units of a PES packet are a frame apart', () => {
  const { push, streams, demuxer } = demuxing();
  const both = Buffer.concat([keyUnit, skipUnit(0), skipUnit(1)]);
  push(withVideo().pes(VIDEO, both, { pts: 9000 }).pes(VIDEO, skipUnit(2), { pts: 19_800 }).bytes);
  demuxer.end();
  expect(timesOf(streams[0])).toEqual([9000, 12_000, 15_000, 19_800]);
});

test('where a stream begins within a PES packet, its first key picture has a finite time', () => {
  const slice = '00000101 aabbccdd';
  const [keyPicture, picture] = [`00000100 000ffff800 ${slice}`, `00000100 0057fffb80 ${slice}`].map(hex);
  const both = Buffer.concat([picture, MPEG2_CONFIG, keyPicture] as Uint8Array[]);
  const { push, streams, demuxer } = demuxing();
  const writer = new TsWriter().pat().pmt([{ pid: VIDEO, type: 0x02 }]);
  push(writer.pes(VIDEO, both, { pts: 90_000 }).pes(VIDEO, picture as Uint8Array, { pts: 97_200 }).bytes);
  demuxer.end();
  expect(streams[0]?.units.map(({ pts, dts }) => [pts, dts])).toEqual([
    [93_003, 93_003],
    [97_200, 97_200],
  ]);
});

test('a picture split into PES packets, of which only the first has a time, is one unit', () => {
  const large = Buffer.concat([keyUnit, new Uint8Array(90_000).fill(0x55)]);
  const { push, streams, demuxer } = demuxing();
  const writer = withVideo();
  for (let at = 0; at < large.length; at += 40_000) {
    const times = at === 0 ? { pts: 9000 } : {};
    writer.pes(VIDEO, large.subarray(at, at + 40_000), { ...times, isBounded: true });
  }
  push(writer.pes(VIDEO, skipUnit(0), { pts: 12_600, isBounded: true }).bytes);
  demuxer.end();
  expect(timesOf(streams[0])).toEqual([9000, 12_600]);
  expect(streams[0]?.units[0]?.data.length).toBe((tinyVideo(1, 10, 1)[0]?.data.length as number) + 90_000);
  expect(streams[0]?.damage).toEqual([]);
});

const ADTS = hex('fff14c80 01bffc aabbccddeeff');
const withAudio = () => new TsWriter().pat().pmt([{ pid: AUDIO, type: 0x0f }]);

test('frames of a PES packet follow each other, and one may be cut between two PES packets', () => {
  const two = Buffer.concat([ADTS, ADTS]);
  const writer = withAudio().pes(AUDIO, Buffer.concat([two, ADTS.subarray(0, 5)]), { pts: 9000, isBounded: true });
  // The time is that of the first frame which begins here.
  writer.pes(AUDIO, Buffer.concat([ADTS.subarray(5), ADTS]), { pts: 9000 + 3 * 1920, isBounded: true });
  const { push, streams } = demuxing();
  push(writer.bytes);
  expect(timesOf(streams[0])).toEqual([9000, 10_920, 12_840, 14_760]);
  expect(streams[0]?.units.every(({ data }) => toHex(data) === 'aabbccddeeff')).toBe(true);
});

test('after bytes that are no frame, audio resumes at the next frame', () => {
  const writer = withAudio().pes(AUDIO, Buffer.concat([ADTS, ADTS, hex('0102ff'), ADTS, ADTS]), {
    pts: 0,
    isBounded: true,
  });
  const { push, streams } = demuxing();
  push(writer.bytes);
  expect(timesOf(streams[0])).toEqual([0, 1920, 3840, 5760]);
  expect(streams[0]?.damage).toEqual(['ADTS frame begins with byte 1, 2: no sync word']);
});

/** Program config elements, after the three bits of their type, and some data. */
const PAIR = '10100000 10011000 10000000 00000000 00000100 00000000 00000000 10101010';
const FIVE_AND_BASS = '10100000 10011001 00000000 10100000 00000000 00100001 00000000 00000000 10101010';
const bytesOf = (bits: string) => Uint8Array.from(bits.split(' '), (byte) => Number.parseInt(byte, 2));

test.for([
  ['a pair', PAIR, 2, '1190'],
  ['5.1', FIVE_AND_BASS, 6, '11b0'],
] as const)(
  'ADTS of %s has its channels in a program config element, not in each frame',
  ([, bits, channels, config]) => {
    const frame = (data: Uint8Array) => Buffer.concat([hex('fff14c00'), hex(lengthOf(data)), data]);
    const lengthOf = (data: Uint8Array) => (((data.length + 7) << 13) | 0x1ffc).toString(16).padStart(6, '0');
    const first = frame(bytesOf(bits));
    // A pair of channels without a program config element.
    const second = frame(Uint8Array.of(0x20, 1, 2));
    const writer = withAudio().pes(AUDIO, Buffer.concat([first, second, first.subarray(0, 9)]), {
      pts: 0,
      isBounded: true,
    });
    writer.pes(AUDIO, first.subarray(9), { pts: 5760, isBounded: true });
    const { push, streams } = demuxing();
    push(writer.bytes);
    expect(streams[0]?.tracks).toMatchObject([{ codec: 'aac', channels, config: hex(config) }]);
    expect(timesOf(streams[0])).toEqual([0, 1920, 3840]);
    expect(streams[0]?.damage).toEqual([]);
  },
);

test('ADTS that names its channels nowhere has no frames', () => {
  const { push, streams } = demuxing();
  push(withAudio().pes(AUDIO, hex('fff14c00015ffc 200102'), { pts: 0, isBounded: true }).bytes);
  expect(streams[0]?.units).toEqual([]);
  expect(streams[0]?.tracks).toEqual([]);
});

/** The same with 44,100 Hz in its header. */
const ADTS_44 = hex('fff15080 01bffc 112233445566');

test('after a loss, one header of another format does not change the track', () => {
  const writer = withAudio().pes(AUDIO, Buffer.concat([ADTS, ADTS]), { pts: 0, isBounded: true });
  writer.packet(AUDIO, new Uint8Array(0)).packets.pop();
  // The first frame is the end of a damaged one.
  writer.pes(AUDIO, Buffer.concat([ADTS_44, ADTS, ADTS]), { pts: 7200, isBounded: true });
  const { push, streams } = demuxing();
  push(writer.bytes);
  expect(streams[0]?.tracks).toEqual([aac]);
  expect(streams[0]?.units.map(({ data }) => toHex(data))).toEqual(new Array(4).fill('aabbccddeeff'));
});

test('audio in another format is described again with its second frame', () => {
  const frames = Buffer.concat([ADTS, ADTS, ADTS_44, ADTS_44, ADTS_44]);
  const { push, streams } = demuxing();
  push(withAudio().pes(AUDIO, frames, { pts: 0, isBounded: true }).bytes);
  expect(streams[0]?.tracks).toEqual([aac, { ...aac, clockRate: 44_100, config: hex('1210') }]);
  expect(streams[0]?.units).toHaveLength(4);
});

test('an Opus packet may have trims and an extension before it', () => {
  const opusStream = { pid: AUDIO, type: 6, descriptors: [5, 4, ...Buffer.from('Opus'), 0x7f, 2, 0x80, 1] };
  const payload = hex('7ffc 04 0010 0020 02 eeee f8aabbcc 7fe0 03 f80102');
  const { push, streams } = demuxing();
  push(new TsWriter().pat().pmt([opusStream]).pes(AUDIO, payload, { pts: 900, streamId: 0xbd, isBounded: true }).bytes);
  expect(streams[0]?.units.map(({ pts, data }) => [pts, toHex(data)])).toEqual([
    [900, 'f8aabbcc'],
    [2700, 'f80102'],
  ]);
  expect(streams[0]?.tracks).toEqual([{ kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 1 }]);
});

test.for([
  ['KLV', 6, [5, 4, ...Buffer.from('KLVA')]],
  ['KLV', 0x15, [5, 4, ...Buffer.from('KLVA')]],
  ['teletext', 6, [0x56, 0]],
  ['AV1', 6, [5, 4, ...Buffer.from('AV01')]],
  ['DTS', 0x82, []],
  ["private data 'ABCD'", 6, [5, 4, ...Buffer.from('ABCD')]],
  ['Opus with channel configuration 0', 6, [5, 4, ...Buffer.from('Opus'), 0x7f, 2, 0x80, 0]],
  ['stream type 200', 200, []],
] as const)('%s is known by name only', ([label, type, descriptors]) => {
  const { push, programs } = demuxing();
  push(new TsWriter().pat().pmt([{ pid: AUDIO, type, descriptors }]).bytes);
  expect(programs).toMatchObject([[{ pid: AUDIO, codec: undefined, label }]]);
});

test('of several programmes the first is read', () => {
  const writer = new TsWriter().pat([
    [0, 0x10],
    [7, 0x20],
    [8, 0x30],
  ]);
  writer.pmt([{ pid: AUDIO, type: 0x0f }], 0, 0x30).pmt([{ pid: VIDEO, type: 0x1b }], 0, 0x20);
  const { push, programs } = demuxing();
  push(writer.bytes);
  expect(programs).toMatchObject([[{ pid: VIDEO, label: 'H264' }]]);
});

test('a new version of the map with the same streams changes nothing, other streams replace them', () => {
  const writer = withVideo()
    .pes(VIDEO, keyUnit, { pts: 0 })
    .pmt([{ pid: VIDEO, type: 0x1b }], 1);
  writer.pes(VIDEO, skipUnit(0), { pts: 3600 });
  writer
    .pmt(
      [
        { pid: VIDEO, type: 0x1b },
        { pid: AUDIO, type: 0x0f },
      ],
      2,
    )
    .pes(AUDIO, ADTS, { pts: 0, isBounded: true });
  const { push, programs, streams } = demuxing();
  push(writer.bytes);
  expect(programs.map((list) => list.map(({ label }) => label))).toEqual([['H264'], ['H264', 'MPEG-4 Audio']]);
  expect(timesOf(streams[1])).toEqual([0]);
});

test('subtitles that come and go, and other descriptors, change nothing', () => {
  const video = { pid: VIDEO, type: 0x1b };
  const subtitles = { pid: AUDIO, type: 6, descriptors: [0x59, 0] };
  const writer = withVideo().pes(VIDEO, keyUnit, { pts: 0 });
  writer.pmt([video, subtitles], 1).pes(VIDEO, skipUnit(0), { pts: 3600 });
  writer.pmt([{ ...video, descriptors: [0x0a, 4, 0x65, 0x6e, 0x67, 0] }], 2).pes(VIDEO, skipUnit(1), { pts: 7200 });
  const { push, programs, streams, demuxer } = demuxing();
  push(writer.bytes);
  demuxer.end();
  expect(programs).toHaveLength(1);
  expect(timesOf(streams[0])).toEqual([0, 3600, 7200]);
});

test('a map with a wrong CRC is reported and not used', () => {
  const writer = withVideo();
  const packet = writer.packets[1] as Uint8Array;
  packet[20] = (packet[20] as number) ^ 1;
  const { push, programs, events } = demuxing();
  push(writer.bytes);
  expect([programs, events]).toEqual([[], ['MPEG-TS section with a wrong CRC']]);
});

test('a scrambled programme is rejected by name', () => {
  const writer = withVideo();
  for (let i = 0; i < 100; i += 1) {
    writer.packet(VIDEO, new Uint8Array(184), { scrambling: 2 });
  }
  const { push } = demuxing();
  expect(() => push(writer.bytes)).toThrow('MPEG-TS is scrambled');
});

test('units know the packet that they begin with, also after a seek', () => {
  const writer = withVideo();
  const positions: number[] = [];
  const expectedPositions: number[] = [];
  const demuxer = new TsDemuxer({
    onProgram: (list) =>
      list.map(() => ({ onTrack() {}, onDamage() {}, onUnit: () => positions.push(demuxer.unitPosition) })),
  });
  for (const [i, unit] of [keyUnit, skipUnit(0), keyUnit, skipUnit(1)].entries()) {
    expectedPositions.push(188 * writer.packets.length);
    writer.pes(VIDEO, unit, { pts: i * 3600 });
  }
  demuxer.push(writer.bytes);
  demuxer.end();
  expect(positions).toEqual(expectedPositions);
  positions.length = 0;
  const from = expectedPositions[2] as number;
  demuxer.seek(from);
  demuxer.push(writer.bytes, from);
  demuxer.end();
  expect(positions).toEqual(expectedPositions.slice(2));
});

test('random damage to packets gives units or damage, and nothing else', () => {
  const next = random(13_818);
  const video = tinyVideo(40, 10, 10).map((picture): Put => [0, picture]);
  const audio = Array.from({ length: 60 }, (_, i): Put => [1, sample(i * 1024, new Uint8Array(300).fill(i))]);
  const bytes = muxed([tinyH264, aac], [...video, ...audio]);
  let units = 0;
  let damage = 0;
  for (let round = 0; round < 300; round += 1) {
    const { push, streams, demuxer } = demuxing();
    const copy = bytes.slice();
    for (let changes = Math.floor(next() * 20); changes >= 0; changes -= 1) {
      copy[Math.floor(next() * copy.length)] = Math.floor(next() * 256);
    }
    push(
      next() < 0.5 ? copy : copy.copyWithin(Math.floor(next() * copy.length), Math.floor(next() * copy.length)),
      1316,
    );
    demuxer.end();
    units += streams.reduce((sum, stream) => sum + stream.units.length, 0);
    damage += streams.reduce((sum, stream) => sum + stream.damage.length, 0);
  }
  expect(units).toBeGreaterThan(5_000);
  expect(damage).toBeGreaterThan(200);
});
