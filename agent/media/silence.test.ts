import { spawnSync } from 'node:child_process';
import { createDecoder } from 'libopus-wasm';
import { expect, test } from 'vitest';
import { describeWith } from '../../test/peers/programs/peers.ts';
import { withAdts } from '../../test/support/media/adts.ts';
import { decodeFlacFrame } from '../../test/support/media/flac-decoder.ts';
import { AacDecoder } from './aac/decode/decoder.ts';
import { writeAacConfig } from './aac/params.ts';
import { opusFrameTicks } from './opus/params.ts';
import type { AacTrack } from './sample/track.ts';
import { silentFrame } from './silence.ts';

const RATE_HZ = 48_000;

const aacOf = (channels: number): AacTrack => ({
  kind: 'audio',
  codec: 'aac',
  clockRate: RATE_HZ,
  channels,
  config: writeAacConfig(RATE_HZ, channels) ?? new Uint8Array(0),
  frameSamples: 1024,
});

const bytesOf = (frame: ReturnType<typeof silentFrame>): Uint8Array => frame?.data ?? new Uint8Array(0);

test.for([1, 2])('AAC of %i channels: nothing is heard', (channels) => {
  const track = aacOf(channels);
  const frame = silentFrame(track);
  expect(frame?.ticks).toBe(1024);
  const out = new Float32Array(1024 * channels).fill(9);
  expect(new AacDecoder(track.config).decode(bytesOf(frame), out)).toBe(1024);
  expect(new Set(out)).toEqual(new Set([0]));
});

describeWith(['ffmpeg'], 'AAC of any number of channels', () => {
  test.for([1, 2, 3, 4, 5, 6])('%i: ffmpeg decodes it, to silence', (channels) => {
    const frame = withAdts(bytesOf(silentFrame(aacOf(channels))), RATE_HZ, channels);
    const input = Buffer.concat(Array.from({ length: 4 }, () => frame));
    const { stdout, stderr } = spawnSync('ffmpeg', ['-v', 'warning', '-f', 'aac', '-i', '-', '-f', 's16le', '-'], {
      input,
    });
    expect(stderr.toString()).toBe('');
    expect(stdout.length).toBe(4 * 1024 * channels * 2);
    expect(stdout.every((byte) => byte === 0)).toBe(true);
  });
});

test('other AAC object types, and AAC with channels described in the bit stream, have none', () => {
  const heAac = { ...aacOf(2), config: Uint8Array.of(0x2b, 0x11, 0x88, 0) };
  expect(silentFrame({ ...heAac, config: Uint8Array.of(0x11, 0x80) })).toBe(undefined);
  // Core and its replicated band: silence in the core is silence in all.
  expect(silentFrame(heAac)?.ticks).toBe(1024);
});

test.for([1, 2])('Opus of %i channels: nothing is heard', async (channels) => {
  const frame = silentFrame({ kind: 'audio', codec: 'opus', clockRate: RATE_HZ, channels });
  expect(opusFrameTicks(bytesOf(frame))).toBe(frame?.ticks);
  using decoder = await createDecoder({ channels: channels as 1 | 2 });
  const pcm = decoder.decode(bytesOf(frame));
  expect([pcm.length, new Set(pcm)]).toEqual([960 * channels, new Set([0])]);
});

test('Opus of more channels: a packet for each stream, all but the last with their length', () => {
  const layout = { streams: 4, coupledStreams: 2, mapping: [0, 4, 1, 2, 3, 5] };
  const frame = silentFrame({ kind: 'audio', codec: 'opus', clockRate: RATE_HZ, channels: 6, layout });
  expect(Buffer.from(bytesOf(frame)).toString('hex')).toBe('fc02fffefc02fffef802fffef8fffe');
});

test('FLAC: nothing is heard', () => {
  const frame = silentFrame({ kind: 'audio', codec: 'flac', clockRate: 8000, channels: 1, frameSamples: 320 });
  expect(frame?.ticks).toBe(320);
  expect(decodeFlacFrame(bytesOf(frame)).pcm).toEqual(new Array(320).fill(0));
});
