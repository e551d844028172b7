import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { ac3, eac3, g722, klv, lpcm, mp3, mpegTs } from '../../../../test/support/media/audio-tracks.ts';
import { tinyH264, tinyVideo } from '../../../../test/support/media/tiny-h264.ts';
import { readTs } from '../../../../test/support/media/ts-packets.ts';
import { hex } from '../../../../test/support/media/units.ts';
import {
  av1,
  MPEG4_CONFIG,
  mjpeg,
  mpeg2Video,
  mpeg4Video,
  vp8,
  vp9,
} from '../../../../test/support/media/video-tracks.ts';
import { codecOf } from '../../codecs.ts';
import type { Sample } from '../../sample/sample.ts';
import type { AacTrack, H265Track, OpusTrack, Track } from '../../sample/track.ts';
import { START_TICKS, TsMuxer } from './mux.ts';

const aac: AacTrack = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 48_000,
  channels: 2,
  config: hex('1190'),
  frameSamples: 1024,
};
const opus: OpusTrack = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
const h265: H265Track = {
  ...tinyH264,
  codec: 'h265',
  vps: hex('40 01 aa'),
  sps: hex('42 01 bb'),
  pps: [hex('44 01 cc')],
};

const sample = (dts: number, data: Uint8Array, key = true, pts = dts): Sample => ({ pts, dts, wall: 0, key, data });

type Put = readonly [track: number, sample: Sample];

/** One part with the samples. */
function mux(muxer: TsMuxer, puts: readonly Put[]): Uint8Array {
  const room = puts.reduce((sum, [track, put]) => sum + muxer.maxBytesOf(track, put), muxer.tableBytes);
  const out = new Uint8Array(room);
  muxer.begin(out);
  for (const [track, put] of puts) {
    muxer.write(track, put, 0);
  }
  return out.slice(0, muxer.sizeBytes);
}

const muxed = (tracks: readonly Track[], puts: readonly Put[]) => readTs(mux(new TsMuxer(tracks), puts));
/** The bytes of the only sample. */
const unitOf = (track: Track, data: Uint8Array, key = true) =>
  muxed([track], [[0, sample(0, data, key)]]).units[0]?.data as Uint8Array;

test('a part begins with the tables and key pictures have them in front', () => {
  const video = tinyVideo(3, 10, 2);
  const { order } = muxed(
    [tinyH264],
    video.map((picture) => [0, picture]),
  );
  expect(order).toEqual(['pat', 'pmt', 0, 1, 'pat', 'pmt', 2]);
});

test.for([
  ['H.264', tinyH264, 0x1b, ''],
  ['H.265', h265, 0x24, '05 04 48455643'],
  ['MPEG-4 part 2', mpeg4Video, 0x10, ''],
  ['MPEG-2 video', mpeg2Video, 0x02, ''],
  ['MPEG-1 video', { ...mpeg2Video, version: 1 }, 0x01, ''],
  ['KLV', klv, 0x15, '26 09 0100 ff 4b4c5641 00 0f 27 09 c00000 c00000 c00000'],
  ['AAC', aac, 0x0f, ''],
  ['MPEG-1 audio', mp3, 0x03, ''],
  ['MPEG-2 audio', { ...mp3, version: 2 }, 0x04, ''],
  ['AC-3', ac3, 0x81, '05 04 41432d33'],
  ['E-AC-3', eac3, 0x87, '05 04 45414333'],
  ['Opus', opus, 0x06, '05 04 4f707573 7f 02 80 02'],
] as const)('%s is announced with its stream type', ([, track, type, descriptors]) => {
  const { streams } = muxed([track], []);
  expect([...streams.values()]).toEqual([{ type, descriptors: hex(descriptors) }]);
});

test.for([
  ['AV1', av1],
  ['VP8', vp8],
  ['VP9', vp9],
  ['M-JPEG', mjpeg],
  ['G722', g722],
  ['LPCM', lpcm],
  ['G711', { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8_000, channels: 1 }],
  ['FLAC', { kind: 'audio', codec: 'flac', clockRate: 8_000, channels: 1, frameSamples: 1024 }],
  ['MPEG-TS', mpegTs],
  ['MPEG-4 Audio', { ...aac, config: hex('1194') }], // frames of 960
  ['MPEG-4 Audio', { ...aac, config: hex('ff') }],
  ['Opus', { ...opus, channels: 6, layout: { streams: 6, coupledStreams: 0, mapping: [0, 1, 2, 3, 4, 5] } }],
] as const satisfies readonly (readonly [string, Track])[])('MPEG-TS cannot carry %s', ([label, track]) => {
  expect(codecOf(track).tsFormat?.(track)).toBeUndefined();
  expect(() => new TsMuxer([track])).toThrow(`MPEG-TS has no place for ${label}`);
});

test('surround Opus with the usual mapping is announced by its channels', () => {
  const layout = { streams: 4, coupledStreams: 2, mapping: [0, 4, 1, 2, 3, 5] };
  expect(
    codecOf(opus)
      .tsFormat?.({ ...opus, channels: 6, layout })
      ?.descriptors.at(-1),
  ).toBe(6);
});

test('a picture is a delimiter and NAL units with start codes; parameter sets precede a key picture', () => {
  const data = hex('00000003 65 aabb 00000002 41 cc');
  const sets = Buffer.concat([tinyH264.sps, hex('00000001'), tinyH264.pps[0] as Uint8Array]);
  const pictures = '00000001 65 aabb 00000001 41 cc';
  expect(unitOf(tinyH264, data, false)).toEqual(hex(`00000001 09f0 ${pictures}`));
  expect(unitOf(tinyH264, data)).toEqual(hex(`00000001 09f0 00000001 ${sets.toString('hex')} ${pictures}`));
  expect(unitOf(h265, data)).toEqual(
    hex(`00000001 460150 00000001 4001aa 00000001 4201bb 00000001 4401cc ${pictures}`),
  );
});

test.for([
  ['that says more than there is', '000000ff 65 aabb', '00000001 65 aabb'],
  ['that is cut', '00000001 65 0000', '00000001 65 0000'],
] as const)('a length %s does not reach beyond the sample', ([, data, expected]) => {
  expect(unitOf(tinyH264, hex(data), false)).toEqual(hex(`00000001 09f0 ${expected}`));
});

test('MPEG-4 video has its configuration before key frames, once', () => {
  const picture = hex('000001b6 1234');
  expect(unitOf(mpeg4Video, picture)).toEqual(Uint8Array.of(...MPEG4_CONFIG, ...picture));
  expect(unitOf(mpeg4Video, picture, false)).toEqual(picture);
  const whole = Uint8Array.of(...MPEG4_CONFIG, ...picture);
  expect(unitOf(mpeg4Video, whole)).toEqual(whole);
});

test.for([
  ['48 kHz stereo', '1190', 3, 'fff14c80 01 5ffc aabbcc'],
  ['8 kHz mono', '1588', 2, 'fff16c40 01 3ffc aabb'],
] as const)('AAC of %s has ADTS headers', ([, config, bytes, expected]) => {
  const track: AacTrack = { ...aac, config: hex(config) };
  expect(unitOf(track, hex('aabbcc').subarray(0, bytes))).toEqual(hex(expected));
});

test('a frame that ADTS cannot measure is left out', () => {
  expect(muxed([aac], [[0, sample(0, new Uint8Array(8185))]]).units).toEqual([]);
  expect(unitOf(aac, new Uint8Array(8184))).toHaveLength(8191);
});

test.for([
  [3, '7fe0 03'],
  [254, '7fe0 fe'],
  [255, '7fe0 ff00'],
  [511, '7fe0 ffff01'],
] as const)('an Opus packet of %i bytes has its size in front', ([size, expected]) => {
  const data = new Uint8Array(size).fill(0xaa);
  expect(unitOf(opus, data)).toEqual(Uint8Array.of(...hex(expected), ...data));
});

test('samples of every size around that of packets survive a round trip', () => {
  const puts = Array.from({ length: 600 }, (_, size): Put => {
    const data = new Uint8Array(size).fill(size);
    return [size % 2, sample(size * 100, data, size % 7 === 0)];
  });
  const { units } = muxed([mp3, ac3], puts);
  expect(units.map(({ data }) => data)).toEqual(puts.map(([, put]) => put.data));
});

test('a picture too large for a PES length is ended by the next one', () => {
  const large = new Uint8Array(100_000).fill(7);
  const { units } = muxed(
    [mpeg4Video],
    [
      [0, sample(0, large, false)],
      [0, sample(3600, hex('01'), false)],
    ],
  );
  expect(units.map(({ data }) => data.length)).toEqual([100_000, 1]);
});

test('timestamps count from a start offset at 90 kHz, and DTS is present only if it differs', () => {
  const { units } = muxed(
    [tinyH264, aac],
    [
      [0, sample(0, hex('00000001 65'), true, 7200)],
      [1, sample(1024, hex('00'))],
      [0, sample(3600, hex('00000001 41'), false)],
    ],
  );
  const times = units.map(({ pid, pts, dts }) => [pid, pts - START_TICKS, dts - START_TICKS]);
  expect(times).toEqual([
    [0x100, 7200, 0],
    [0x101, Math.round((1024 * 90_000) / aac.clockRate), Math.round((1024 * 90_000) / aac.clockRate)],
    [0x100, 3600, 3600],
  ]);
});

test('timestamps and clock wrap to zero after 26.5 hours', () => {
  const wrapAt = 2 ** 33 - START_TICKS;
  const { units, pcrs } = muxed(
    [tinyH264],
    [-9000, 0, 90_000].map((ticks) => [0, sample(wrapAt + ticks, hex('00000001 41'), false)]),
  );
  expect(units.map(({ pts }) => pts)).toEqual([2 ** 33 - 9000, 0, 90_000]);
  expect(pcrs.map(({ value }) => value)).toEqual([2 ** 33 - 99_000, 2 ** 33 - 90_000, 0]);
});

test('the video track carries the PCR, at least every 100 ms, and never later than its samples', () => {
  const video = tinyVideo(100, 25, 50).map((picture): Put => [1, picture]);
  const { pcrs, clockPid, units } = muxed([opus, tinyH264], video);
  expect(clockPid).toBe(0x101);
  expect(new Set(pcrs.map(({ pid }) => pid))).toEqual(new Set([0x101]));
  const gaps = pcrs.slice(1).map(({ value }, i) => value - (pcrs[i]?.value ?? 0));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(9000);
  expect(Math.min(...gaps)).toBeGreaterThan(0);
  expect(pcrs[0]?.value).toBeLessThan(units[0]?.dts ?? 0);
});

test('if pictures are rare, audio packets carry the clock', () => {
  const picture: Put = [0, sample(0, hex('00000001 65'))];
  const sound = Array.from({ length: 50 }, (_, i): Put => [1, sample(i * 960, hex('aabb'))]);
  const { pcrs, order } = muxed([tinyH264, opus], [picture, ...sound]);
  const gaps = pcrs.slice(1).map(({ value }, i) => value - (pcrs[i]?.value ?? 0));
  expect(pcrs).toHaveLength(10);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(9000);
  expect(order.filter((what) => what === 'pcr')).toHaveLength(9);
});

test('parts follow on from each other, and one that is taken back was never there', () => {
  const muxer = new TsMuxer([tinyH264, aac]);
  const video = tinyVideo(30, 10, 10);
  const part = (from: number) =>
    mux(
      muxer,
      video.slice(from, from + 10).flatMap((p): Put[] => [
        [0, p],
        [1, p],
      ]),
    );
  const first = part(0);
  part(10);
  muxer.takeBack();
  const { units } = readTs(Buffer.concat([first, part(20)]));
  expect(units).toHaveLength(40);
});

test('a loopback packet is ignored by others', () => {
  const muxer = new TsMuxer([tinyH264]);
  const out = new Uint8Array(muxer.tableBytes + 188);
  muxer.begin(out);
  muxer.putNull(hex('0102'));
  expect(readTs(out).order).toEqual(['pat', 'pmt', 'null']);
  expect(out.subarray(-184, -182)).toEqual(hex('0102'));
});

test('random samples of random tracks always yield a valid stream within the requested size', () => {
  const next = random(13_818);
  const all: readonly Track[] = [tinyH264, h265, mpeg4Video, mpeg2Video, aac, mp3, ac3, opus, klv];
  for (let round = 0; round < 100; round += 1) {
    const tracks = all.filter(() => next() < 0.5);
    const muxer = new TsMuxer(tracks.length > 0 ? tracks : [aac]);
    const count = Math.max(1, tracks.length);
    let dts = Math.floor(next() * 2 ** 34);
    const puts = Array.from({ length: 40 }, (): Put => {
      dts += Math.floor(next() * 20_000);
      const size = Math.floor(next() ** 4 * 8_000);
      const data = Uint8Array.from({ length: size }, () => Math.floor(next() * 256));
      return [Math.floor(next() * count), sample(dts, data, next() < 0.2, dts + Math.floor(next() * 3) * 3600)];
    });
    const { units } = readTs(Buffer.concat([mux(muxer, puts.slice(0, 20)), mux(muxer, puts.slice(20))]));
    expect(units.map(({ pid }) => pid - 0x100)).toEqual(puts.map(([track]) => track));
    expect(units.every(({ data }, i) => data.length >= (puts[i]?.[1].data.length ?? 0))).toBe(true);
  }
});
