import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { describeWith } from '../../../test/peers/programs/peers.ts';
import { random } from '../../../test/support/base/random.ts';
import { decodeFlacFrame } from '../../../test/support/media/flac-decoder.ts';
import { sampleEntry } from '../codecs.ts';
import { A_LAW, MU_LAW } from '../g711/decode.ts';
import { FlacEncoder } from './encode.ts';

/** Something like speech: a few tones that swell, with noise. */
function speech(count: number, table: Int16Array, seed: number): Int16Array {
  const next = random(seed);
  return Int16Array.from({ length: count }, (_, i) => {
    const swell = Math.sin(i / 2000) ** 2;
    const value = (8000 * Math.sin(i / 7) + 3000 * Math.sin(i / 3.1)) * swell + 300 * (next() - 0.5);
    return table.reduce((best, v) => (Math.abs(v - value) < Math.abs(best - value) ? v : best), 0);
  });
}

const encodeAll = (encoder: FlacEncoder, pcm: Int16Array, block: number): Uint8Array[] =>
  Array.from({ length: pcm.length / block }, (_, i) => encoder.encode(pcm.subarray(i * block, (i + 1) * block)));

const decodeAll = (frames: readonly Uint8Array[]): number[] => frames.flatMap((frame) => decodeFlacFrame(frame).pcm);

test.for([
  ['A-law', A_LAW, 3, 0.55],
  ['µ-law', MU_LAW, 2, 0.65],
] as const)('%s survives the round trip and is far smaller than PCM', ([, table, unusedBits, ratio]) => {
  const pcm = speech(32_000, table, 1);
  const frames = encodeAll(
    new FlacEncoder({ sampleRateHz: 8000, channels: 1, frameSamples: 320, unusedBits }),
    pcm,
    320,
  );
  expect(decodeAll(frames)).toEqual([...pcm]);
  expect(frames.reduce((sum, frame) => sum + frame.length, 0) / (pcm.length * 2)).toBeLessThan(ratio);
});

test.for([
  ['silence', () => 0],
  ['the loudest constant', () => -32_768],
  ['full-scale noise, which no predictor helps', (next: () => number) => Math.floor(next() * 65_536) - 32_768],
  ['full-scale alternation', (_: () => number, i: number) => (i % 2 ? 32_767 : -32_768)],
  ['a ramp', (_: () => number, i: number) => i * 50 - 16_000],
  ['one step', (_: () => number, i: number) => (i < 100 ? 0 : 30_000)],
] as const)('%s survives the round trip', ([, value]) => {
  const next = random(2);
  const pcm = Int16Array.from({ length: 640 }, (_, i) => value(next, i));
  const frames = encodeAll(
    new FlacEncoder({ sampleRateHz: 8000, channels: 1, frameSamples: 320, unusedBits: 0 }),
    pcm,
    320,
  );
  expect(decodeAll(frames)).toEqual([...pcm]);
  expect(Math.max(...frames.map((frame) => frame.length))).toBeLessThan(640 + 16);
});

test('silence costs a few bytes', () => {
  const encoder = new FlacEncoder({ sampleRateHz: 8000, channels: 1, frameSamples: 320, unusedBits: 2 });
  expect(encoder.encode(new Int16Array(320)).length).toBeLessThanOrEqual(13);
});

test('random signals of any loudness, block size, rate and channel count are decoded bit for bit', () => {
  const next = random(3);
  for (let round = 0; round < 300; round += 1) {
    const frameSamples = 16 + Math.floor(next() * 600);
    const channels = 1 + Math.floor(next() * 3);
    const unusedBits = Math.floor(next() * 4);
    const loudness = 2 ** (next() * 16 - unusedBits);
    const pcm = Int16Array.from(
      { length: frameSamples * channels },
      () => Math.floor((next() - 0.5) * loudness) << unusedBits,
    );
    const encoder = new FlacEncoder({ sampleRateHz: 1000 + round, channels, frameSamples, unusedBits });
    expect(decodeFlacFrame(encoder.encode(pcm))).toEqual({ number: 0, channels, pcm: [...pcm] });
  }
});

test('the frame number counts up over every length of its code', () => {
  const encoder = new FlacEncoder({ sampleRateHz: 8000, channels: 1, frameSamples: 16, unusedBits: 0 });
  const quiet = new Int16Array(16);
  for (let number = 0; number < 70_000; number += 1) {
    const frame = encoder.encode(quiet);
    if (number % 1023 < 2 || (number & (number - 1)) === 0 || number === 65_535) {
      expect(decodeFlacFrame(frame).number).toBe(number);
    }
  }
});

test('an encoder keeps no reference to a returned frame', () => {
  const encoder = new FlacEncoder({ sampleRateHz: 8000, channels: 1, frameSamples: 320, unusedBits: 3 });
  const pcm = speech(640, A_LAW, 4);
  const first = encoder.encode(pcm.subarray(0, 320));
  const copy = first.slice();
  encoder.encode(pcm.subarray(320));
  expect(first).toEqual(copy);
  expect(first.buffer.byteLength).toBe(first.length);
});

describeWith(['ffmpeg'], 'FLAC against ffmpeg', () => {
  test.for([
    [8000, 1, 320, 3, A_LAW],
    [8000, 1, 320, 2, MU_LAW],
    [16_000, 2, 640, 3, A_LAW],
    [11_025, 1, 441, 2, MU_LAW],
  ] as const)(
    '%d Hz, %d channels, blocks of %d: decoded bit by bit, no warning',
    ([rate, channels, block, unusedBits, table]) => {
      const pcm = speech(block * channels * 50, table, 5);
      const encoder = new FlacEncoder({ sampleRateHz: rate, channels, frameSamples: block, unusedBits });
      const entry = sampleEntry({ kind: 'audio', codec: 'flac', clockRate: rate, channels, frameSamples: block });
      const metadata = entry.subarray(entry.length - 38); // the block header and STREAMINFO of dfLa
      const input = Buffer.concat([Buffer.from('fLaC'), metadata, ...encodeAll(encoder, pcm, block * channels)]);
      const run = spawnSync('ffmpeg', ['-v', 'warning', '-f', 'flac', '-i', '-', '-f', 's16le', '-'], { input });
      expect(run.stderr.toString()).toBe('');
      expect(run.stdout.equals(Buffer.from(pcm.buffer))).toBe(true);
    },
  );
});
