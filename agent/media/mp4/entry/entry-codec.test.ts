import { expect, test } from 'vitest';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { ac3, eac3, lpcm, mp3, mpegTs } from '../../../../test/support/media/audio-tracks.ts';
import { tinyH264 } from '../../../../test/support/media/tiny-h264.ts';
import { hex } from '../../../../test/support/media/units.ts';
import { av1, h265, mjpeg, vp8, vp9 } from '../../../../test/support/media/video-tracks.ts';
import { PerchError } from '../../../base/errors.ts';
import { codecString, sampleEntry } from '../../codecs.ts';
import type { Track } from '../../sample/track.ts';
import { fourcc } from '../box/boxes.ts';
import { entryCodec } from './entry-codec.ts';

const aac = (config: string): Track => ({
  kind: 'audio',
  codec: 'aac',
  clockRate: 48_000,
  channels: 2,
  frameSamples: 1024,
  config: hex(config),
});
const opus: Track = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
const flac: Track = { kind: 'audio', codec: 'flac', clockRate: 8000, channels: 1, frameSamples: 320 };

const TRACKS: readonly (readonly [string, Track])[] = [
  ['H.264', tinyH264],
  ['H.265', h265],
  ['AV1', av1],
  ['VP8', vp8],
  ['VP9', vp9],
  ['AAC', aac('11 90')],
  ['HE-AAC', aac('2b 92 08 00')],
  ['an escaped object type', aac('f9 48 00')],
  ['Opus', opus],
  ['FLAC', flac],
  ['MP3', mp3],
  ['AC-3', ac3],
  ['E-AC-3', eac3],
];

test('an hev1 entry is named hvc1, and an unnamed entry gets no name', () => {
  const entry = sampleEntry(h265);
  new DataView(entry.buffer).setUint32(4, fourcc('hev1'));
  expect(entryCodec(entry)).toBe('hvc1.1.6.L93.90');
  expect(entryCodec(sampleEntry(mjpeg))).toBeUndefined();
  expect(entryCodec(new Uint8Array(3))).toBeUndefined();
});

test('damaged entries give a name of plain characters, none, or a PerchError', () => {
  const next = random(7);
  for (let i = 0; i < 4_000; i += 1) {
    const [, track] = TRACKS[i % TRACKS.length] as (typeof TRACKS)[number];
    try {
      expect(entryCodec(mutate(sampleEntry(track), next)) ?? 'none').toMatch(/^[A-Za-z0-9.-]+$/);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});

const hevc = (sps: string): Track => ({
  kind: 'video',
  codec: 'h265',
  clockRate: 90_000,
  width: 1920,
  height: 1080,
  fps: undefined,
  vps: hex('40 01'),
  sps: hex(sps),
  pps: [hex('44 01')],
});
const HIGH_L40 = '67640028acd940780227e5c044000003000400000300c83c60c658';
const MAIN_L93 = '42 01 01 01 60 00 00 03 00 90 00 00 03 00 00 03 00 5d a0 02 80 80 2d 16 59 59 a4 93 2b c0 40';
const MAIN10_HIGH_L120 = '42 01 01 22 20 00 00 03 00 90 00 00 03 00 00 03 00 78 a0 02 80 80 2d 13 65 95 9a 49 32 bc';

test.for([
  ['Baseline 1.0', tinyH264, 'avc1.42C00A'],
  ['High 4.0', { ...tinyH264, sps: hex(HIGH_L40) }, 'avc1.640028'],
  ['Main 3.1 of H.265', hevc(MAIN_L93), 'hvc1.1.6.L93.90'],
  ['Main 10 in the high tier, compatible with Main 10 alone', hevc(MAIN10_HIGH_L120), 'hvc1.2.4.H120.90'],
  ['AV1 Main 2.0', av1, 'av01.0.00M.08'],
  ['AV1 High', { ...av1, sequenceHeader: hex('0a 0a 20 00 00 02 af f7 9b 5f 20 40') }, 'av01.1.00M.08'],
  ['AV1 Main with 10 bits', { ...av1, sequenceHeader: hex('0a 0a 00 00 00 02 af f7 9b 5f 28 08') }, 'av01.0.00M.10'],
  ['VP9 at 320x240', vp9, 'vp09.00.20.08'],
  ['VP9 with 10 bits at 1080p', { ...vp9, profile: 2, bitDepth: 10, width: 1920, height: 1080 }, 'vp09.02.40.10'],
  ['VP8', vp8, 'vp08.00.20.08'],
  ['MJPEG, which no playlist names', mjpeg, undefined],
  ['AAC-LC', aac('11 90'), 'mp4a.40.2'],
  ['HE-AAC', aac('2b 92 08 00'), 'mp4a.40.5'],
  ['an audio object type beyond 31', aac('f8 e8'), 'mp4a.40.39'],
  ['Opus', { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 }, 'opus'],
  ['FLAC', { kind: 'audio', codec: 'flac', clockRate: 8000, channels: 1, frameSamples: 320 }, 'fLaC'],
  ['MP3', mp3, 'mp4a.6B'],
  ['MP3 of low sampling rates', { ...mp3, version: 2, sampleRate: 22_050 }, 'mp4a.69'],
  ['AC-3', ac3, 'ac-3'],
  ['E-AC-3', eac3, 'ec-3'],
  ['LPCM, which is stored as FLAC', lpcm, undefined],
  ['a multiplex', mpegTs, undefined],
  [
    'G.711, which MP4 does not hold',
    { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 },
    undefined,
  ],
] as [string, Track, string | undefined][])('%s', ([, track, text]) => {
  expect(codecString(track)).toBe(text);
});
