import { expect, test } from 'vitest';
import { hex } from '../../test/support/media/units.ts';
import type { AacTrack, G711Track, G722Track, LpcmTrack, OpusTrack, Track } from '../media/sample/track.ts';
import { AudioRateLimit } from './audio-rate-limit.ts';

const aac: AacTrack = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 16_000,
  channels: 1,
  frameSamples: 1024,
  config: hex('1408'),
};
const opus: OpusTrack = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
const g711: G711Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };
const g722: G722Track = { kind: 'audio', codec: 'g722', clockRate: 8000, channels: 1 };
const lpcm: LpcmTrack = { kind: 'audio', codec: 'lpcm', clockRate: 48_000, bitDepth: 16, channels: 2 };

/** The number of equal samples admitted at one moment. */
function countOf(rateLimit: AudioRateLimit, data: Uint8Array, nowMs: number): number {
  let count = 0;
  while (rateLimit.admits(data, nowMs)) {
    count += 1;
  }
  return count;
}

test.for<readonly [string, Track, number, number]>([
  ['AAC of any size', aac, 1, 64],
  ['Opus', opus, 3, 20],
  ['G.711', g711, 160, 20],
  ['G.722', g722, 160, 20],
  ['LPCM', lpcm, 3840, 20],
  ['tiny packets of PCM', lpcm, 1, 0.1],
])('%s: five seconds of audio pass at once, then twice real time', ([, track, bytes, sampleMs]) => {
  const rateLimit = new AudioRateLimit('opus', track);
  // 0x08: an Opus packet of one frame of 20 ms.
  const data = new Uint8Array(bytes).fill(0x08);
  const expected = (ms: number) => Math.ceil(ms / sampleMs);
  const near = (count: number, ms: number) => expect(Math.abs(count - expected(ms))).toBeLessThanOrEqual(1);
  near(countOf(rateLimit, data, 1000), 5000);
  near(countOf(rateLimit, data, 2000), 2000);
});

test('a stream sent in real time is always admitted, also after its cached GOP', () => {
  const rateLimit = new AudioRateLimit('flac', opus);
  const packet = Uint8Array.of(0x08);
  for (let i = 0; i < 2900; i += 1) {
    expect(rateLimit.admits(packet, 0)).toBe(true);
  }
  for (let ms = 20; ms < 200_000; ms += 20) {
    expect(rateLimit.admits(packet, ms)).toBe(true);
  }
});
