import { expect, test } from 'vitest';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { ac3, eac3, g722, lpcm, mp3, mpegTs } from '../../../../test/support/media/audio-tracks.ts';
import { tinyH264 } from '../../../../test/support/media/tiny-h264.ts';
import { hex } from '../../../../test/support/media/units.ts';
import {
  AV1_SEQUENCE,
  av1,
  h265,
  MPEG4_CONFIG,
  mjpeg,
  mpeg4Video,
  vp8,
  vp9,
} from '../../../../test/support/media/video-tracks.ts';
import { PerchError } from '../../../base/errors.ts';
import type { Track } from '../../sample/track.ts';
import { box, fullBox, u32, zeros } from '../box/boxes.ts';
import { type Mp4Init, parseInit } from '../read/read.ts';
import { writeInit } from './init.ts';

const toHex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');

const aac: Track = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 16_000,
  channels: 1,
  config: hex('14 08'),
  frameSamples: 1024,
};
const opus: Track = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
const flac: Track = { kind: 'audio', codec: 'flac', clockRate: 8000, channels: 1, frameSamples: 320 };

function parsed(tracks: readonly Track[], userData?: Uint8Array): Mp4Init {
  const init = parseInit(writeInit(tracks, userData));
  if (!init) {
    throw new Error('more bytes wanted');
  }
  return init;
}

test('MP3 and AC-3 keep their sample rates with any time scale', () => {
  expect(parsed([mp3, ac3]).tracks).toMatchObject([
    { id: 1, kind: 'audio', codec: 'mp4a', timescale: 90_000, sampleRate: 44_100, channels: 2 },
    { id: 2, kind: 'audio', codec: 'ac-3', timescale: 48_000, sampleRate: 48_000, channels: 2 },
  ]);
});

test('each track is read back with id, time scale and format', () => {
  expect(parsed([tinyH264, h265, aac, opus, flac]).tracks).toMatchObject([
    { id: 1, kind: 'video', codec: 'avc1', timescale: 90_000, width: 64, height: 48, sampleRate: 0, channels: 0 },
    { id: 2, kind: 'video', codec: 'hvc1', timescale: 90_000, width: 1280, height: 720 },
    { id: 3, kind: 'audio', codec: 'mp4a', timescale: 16_000, width: 0, height: 0, sampleRate: 16_000, channels: 1 },
    { id: 4, kind: 'audio', codec: 'Opus', timescale: 48_000, sampleRate: 48_000, channels: 2 },
    { id: 5, kind: 'audio', codec: 'fLaC', timescale: 8000, sampleRate: 8000, channels: 1 },
  ]);
});

test('codecs without NAL units are read back with format and size', () => {
  expect(parsed([av1, vp8, vp9, mjpeg, mpeg4Video]).tracks).toMatchObject(
    ['av01', 'vp08', 'vp09', 'mp4v', 'mp4v'].map((codec) => ({
      kind: 'video',
      codec,
      timescale: 90_000,
      width: 320,
      height: 240,
    })),
  );
});

const HIGH_SPS = hex('67640028acd940780227e5c044000003000400000300c83c60c658');

// The codec's own box, without size and name, as the standards lay it out.
test.for([
  ['avcC of Baseline', tinyH264, 'avcC', `0142c00affe1${'0008'}6742c00a`],
  ['avcC of High, with chroma format and bit depth', { ...tinyH264, sps: HIGH_SPS }, 'avcC', '01640028ff'],
  ['hvcC with complete arrays', h265, 'hvcC', '0101600000009000000000005df000fcfdf8f800000f03a0000100064001'],
  ['esds of AAC', aac, 'esds', '0000000003808080220000000480808014401500000000000000000000000580808002140806808080'],
  ['esds of MP3, without a config', mp3, 'esds', `00000000038080801b000000048080800d6b15${'00'.repeat(11)}06808080`],
  ['esds of MPEG-2 audio', { ...mp3, version: 2 }, 'esds', '00000000038080801b000000048080800d69'],
  ['dac3 of AC-3', ac3, 'dac3', '101140'],
  ['dec3 of E-AC-3', eac3, 'dec3', '0e00200f00'],
  ['av1C with the sequence header', av1, 'av1C', `81000c00${toHex(AV1_SEQUENCE)}`],
  ['av1C of 4:4:4', { ...av1, sequenceHeader: hex('0a 0a 20 00 00 02 af f7 9b 5f 20 40') }, 'av1C', '812000000a0a20'],
  ['vpcC of VP8', vp8, 'vpcC', '010000000014820202020000'],
  ['vpcC of VP9', vp9, 'vpcC', '010000000014820202020000'],
  [
    'vpcC of VP9 with 10 bits 4:4:4 in full range',
    { ...vp9, profile: 3, bitDepth: 10, chromaSubsampling: 3, isFullRange: true, width: 1920, height: 1080 },
    'vpcC',
    '010000000328a7020202',
  ],
  ['esds of MJPEG', mjpeg, 'esds', `00000000038080801b000000048080800d6c11${'00'.repeat(11)}068080800102`],
  [
    'esds of MPEG-4 video, with its configuration',
    mpeg4Video,
    'esds',
    `00000000038080803e00000004808080302011${'00'.repeat(11)}058080801e${toHex(MPEG4_CONFIG)}068080800102`,
  ],
  ['dOps of Opus: 48 kHz, 312 samples ahead', opus, 'dOps', '000201380000bb80000000'],
  [
    'dOps of six channels: family 1, four streams, two of them coupled',
    { ...opus, channels: 6, layout: { streams: 4, coupledStreams: 2, mapping: [0, 4, 1, 2, 3, 5] } },
    'dOps',
    '000601380000bb800000010402000401020305',
  ],
  ['dfLa of FLAC', flac, 'dfLa', `00000000800000220140014000000000000001f400f0${'00'.repeat(20)}`],
] as const)('%s', ([, track, name, start]) => {
  const entry = toHex(parsed([track]).tracks[0]?.sampleEntry);
  const at = entry.indexOf(toHex(Buffer.from(name)));
  expect(entry.slice(at + 8, at + 8 + start.length)).toBe(start);
});

test.for([
  [48_000, 48_000],
  [88_200, 44_100],
  [96_000, 48_000],
  [192_000, 48_000],
] as const)('FLAC of %i Hz has %i in its sample entry: browsers refuse 0 there', ([clockRate, sampleRate]) => {
  const tracks = parsed([{ ...flac, clockRate, frameSamples: clockRate / 25 }]).tracks;
  expect(tracks).toMatchObject([{ codec: 'fLaC', sampleRate, timescale: clockRate }]);
});

test('avcC of High ends with 4:2:0 and 8 bits', () => {
  const entry = parsed([{ ...tinyH264, sps: HIGH_SPS }]).tracks[0]?.sampleEntry;
  expect(toHex(entry).endsWith('fdf8f800')).toBe(true);
});

test.for([
  ['G711', { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 }],
  ['LPCM', lpcm],
  ['G722', g722],
  ['MPEG-TS', mpegTs],
] as [string, Track][])('%s is rejected by its name', ([name, track]) => {
  expect(() => writeInit([track])).toThrow(new PerchError('unsupported', `${name} is not stored in MP4`));
});

test('user data are read back unchanged, and so is their absence', () => {
  const mark = box('mark', [1, 2, 3]);
  expect(parsed([tinyH264], mark).userData).toEqual(mark);
  expect(parsed([tinyH264]).userData).toBeUndefined();
});

test('the offset of the duration is returned, to write it later', () => {
  const bytes = writeInit([tinyH264]);
  const init = parsed([tinyH264]);
  expect(init).toMatchObject({ durationMs: 0, durationBytes: 4, movieTimescale: 1000, sizeBytes: bytes.length });
  new DataView(bytes.buffer).setUint32(init.durationOffset, 61_234);
  expect(parseInit(bytes)?.durationMs).toBe(61_234);
});

test('a version 1 header has its duration in 8 bytes', () => {
  const mvhd = fullBox('mvhd', 1, 0, zeros(16), u32(600), u32(0), u32(1200), zeros(80));
  expect(parseInit(box('moov', mvhd))).toMatchObject({ durationMs: 2000, durationBytes: 8, durationOffset: 40 });
});

test('every cut-off beginning asks for more bytes', () => {
  const bytes = writeInit([tinyH264, flac]);
  for (let length = 0; length < bytes.length; length += 1) {
    expect(parseInit(bytes.subarray(0, length))).toBeUndefined();
  }
});

test.for([
  ['samples before the header', box('mdat', [0]), "'mdat' before 'moov'"],
  ['a box smaller than its header', [0, 0, 0, 7, 0x66, 0x72, 0x65, 0x65], 'of 7 bytes, at least 8'],
  ['a header without movie box', box('moov'), "without 'mvhd'"],
  ['a header of a gigabyte', [0x40, 0, 0, 0, 0x6d, 0x6f, 0x6f, 0x76], 'at most 8388608'],
  ['a child larger than its parent', box('moov', [0, 0, 1, 0, 0x6d, 0x76, 0x68, 0x64]), 'bytes after its parent'],
  ['a movie box without fields', box('moov', fullBox('mvhd', 0, 0)), 'of 4 bytes, at least 20'],
] as const)('%s is refused', ([, bytes, message]) => {
  expect(() => parseInit(Uint8Array.from(bytes))).toThrow(message);
});

test('damaged headers yield a header, a request for more bytes, or a PerchError', () => {
  const bytes = writeInit([tinyH264, h265, av1, vp9, mjpeg, mpeg4Video, aac, opus, flac], box('mark', [1]));
  const next = random(21);
  for (let round = 0; round < 20_000; round += 1) {
    try {
      expect(parseInit(mutate(bytes, next))?.tracks.length ?? 0).toBeLessThanOrEqual(64);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
