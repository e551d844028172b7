import { expect, test } from 'vitest';
import { ac3, g722, lpcm, mp3 } from '../../test/support/media/audio-tracks.ts';
import { tinyH264 } from '../../test/support/media/tiny-h264.ts';
import { hex } from '../../test/support/media/units.ts';
import type { AacTrack, G711Track, OpusTrack } from '../media/sample/track.ts';
import { flacTrackOf, opusTrackOf, whyNotOpus } from './transcodable.ts';

const aac = (config: string, clockRate: number, channels: number): AacTrack => ({
  kind: 'audio',
  codec: 'aac',
  clockRate,
  channels,
  config: hex(config),
  frameSamples: 1024,
});
const g711: G711Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 16_000, channels: 1 };
const opus: OpusTrack = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 1 };

test.for([
  ['AAC at 8 kHz', aac('1588', 8_000, 1), 1],
  ['AAC at 44.1 kHz', aac('1210', 44_100, 2), 2],
  ['wide G.711', g711, 1],
  ['G.722 in stereo', { ...g722, channels: 2 }, 2],
  ['LPCM', lpcm, 2],
  ['LPCM of 22.05 kHz', { ...lpcm, clockRate: 22_050, channels: 1 }, 1],
] as const)('%s becomes Opus', ([, track, channels]) => {
  expect(whyNotOpus(track)).toBeUndefined();
  expect(opusTrackOf(track)).toEqual({ kind: 'audio', codec: 'opus', clockRate: 48_000, channels });
});

test.for([
  ['HE-AAC', aac('2b8a0800', 22_050, 2), 'HE-AAC is not decoded: only AAC-LC is'],
  ['AAC in surround', aac('11b0', 48_000, 6), 'AAC with 6 channels: at most 2 are decoded'],
  ['LPCM in surround', { ...lpcm, channels: 6 }, 'LPCM with 6 channels cannot be transcoded to Opus'],
  ['LPCM of an odd rate', { ...lpcm, clockRate: 47_999 }, 'audio at 47999 Hz cannot be transcoded to Opus'],
  ['MP3', mp3, 'MPEG-1/2 Audio cannot be transcoded to Opus'],
  ['AC-3', ac3, 'AC3 cannot be transcoded to Opus'],
  ['a picture', tinyH264, 'H264 cannot be transcoded to Opus'],
] as const)('%s is not transcodable to Opus, and the reason says why', ([, track, reason]) => {
  expect(whyNotOpus(track)).toBe(reason);
});

test('without WebAssembly nothing is transcodable, and the reason says why', () => {
  const { WebAssembly: found } = globalThis;
  try {
    Reflect.deleteProperty(globalThis, 'WebAssembly');
    expect(whyNotOpus(lpcm)).toBe('transcoding to Opus needs WebAssembly: this Node.js has none');
    expect(flacTrackOf(opus)).toBeUndefined();
  } finally {
    globalThis.WebAssembly = found;
  }
});

test.for([
  [opus, 24_000],
  [{ ...opus, channels: 2 }, 48_000],
] as const)('mono Opus becomes FLAC at 24 kHz, stereo at 48 kHz', ([track, clockRate]) => {
  const { channels } = track;
  const frameSamples = clockRate / 50;
  expect(flacTrackOf(track)).toEqual({ kind: 'audio', codec: 'flac', clockRate, channels, frameSamples });
});

test('surround Opus is not transcoded', () => {
  const layout = { streams: 4, coupledStreams: 2, mapping: [0, 4, 1, 2, 3, 5] };
  expect(flacTrackOf({ ...opus, channels: 6, layout })).toBeUndefined();
});
