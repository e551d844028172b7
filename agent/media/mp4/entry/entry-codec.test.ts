import { expect, test } from 'vitest';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { ac3, mp3 } from '../../../../test/support/media/audio-tracks.ts';
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
];

test.for(TRACKS)('%s is named from its sample entry as from its track', ([, track]) => {
  expect(entryCodec(sampleEntry(track))).toBe(codecString(track));
});

test('an hev1 entry is named as hvc1, what has no name has none', () => {
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
