import { expect, test } from 'vitest';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { random } from '../../../../test/support/base/random.ts';
import { AacDecoder } from '../decode/decoder.ts';
import { writeAacConfig } from '../params.ts';
import { AacEncoder } from './encoder.ts';

const FRAME = 1_024;
const RATES = [96_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 11_025, 8_000, 7_350];

/** Encodes and decodes. @returns the sound without the frame of delay, and the frames */
function round(rateHz: number, sound: Float32Array) {
  const encoder = new AacEncoder(rateHz);
  const decoder = new AacDecoder(writeAacConfig(rateHz, 1) ?? new Uint8Array(0));
  const frames: Uint8Array[] = [];
  const got = new Float32Array(sound.length);
  const out = new Float32Array(FRAME);
  for (let at = 0; at + FRAME <= sound.length; at += FRAME) {
    const frame = encoder.encode(sound.subarray(at, at + FRAME));
    frames.push(frame);
    decoder.decode(frame, out);
    got.set(out, at);
  }
  return { frames, got: got.subarray(FRAME) };
}

/** In dB. */
function signalToNoise(sound: Float32Array, got: Float32Array): number {
  let [signal, noise] = [0, 0];
  for (const [i, value] of got.entries()) {
    const wanted = sound[i] as number;
    signal += wanted * wanted;
    noise += (value - wanted) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

const make = (length: number, of: (i: number) => number): Float32Array =>
  Float32Array.from({ length }, (_, i) => of(i));

test.for(RATES)('at %i Hz tones come out of the decoder as they went in, 20 dB above the noise', (rateHz) => {
  const voice = make(40 * FRAME, (i) => {
    const at = (2 * Math.PI * i) / rateHz;
    return 0.3 * Math.sin(180 * at) + 0.15 * Math.sin(720 * at) + 0.05 * Math.sin(2_300 * at);
  });
  const { frames, got } = round(rateHz, voice);
  expect(signalToNoise(voice, got)).toBeGreaterThan(20);
  const bitRate = (8 * frames.reduce((sum, { length }) => sum + length, 0) * rateHz) / (40 * FRAME);
  expect(bitRate).toBeLessThanOrEqual(Math.min(3 * rateHz, 64_000) + (8 * 8 * rateHz) / FRAME);
});

test('silence is silent, and takes a few bytes', () => {
  const { frames, got } = round(16_000, new Float32Array(4 * FRAME));
  expect(frames.every(({ length }) => length <= 6)).toBe(true);
  expect(got.every((value) => value === 0)).toBe(true);
});

const WILD: readonly (readonly [string, (next: () => number) => (i: number) => number])[] = [
  ['noise at full scale', (next) => () => 2 * next() - 1],
  ['a square wave at full scale', () => (i) => (i % 50 < 25 ? 1 : -1)],
  ['single clicks', () => (i) => (i % 3_000 === 0 ? 1 : 0)],
  ['the last bit', (next) => () => Math.round(next()) / 32_768],
  ['values beyond full scale', (next) => () => 40 * next() - 20],
  ['levels that change with each frame', (next) => (i) => (2 * next() - 1) * 10 ** -((i >> 10) % 6)],
  ['a tone and the last bit far above it', (next) => (i) => 0.9 * Math.sin(i / 20) + (next() - 0.5) / 32_768],
];

test.for(WILD)('%s makes frames within the limits that the decoder takes', ([, of]) => {
  for (const rateHz of RATES) {
    const { frames, got } = round(rateHz, make(byLength(8, 200) * FRAME, of(random(rateHz))));
    expect(Math.max(...frames.map(({ length }) => 8 * length))).toBeLessThan(6_144);
    expect(got.every((value) => Math.abs(value) <= 1)).toBe(true);
  }
});

test('a tone keeps its level from frame to frame', () => {
  const tone = make(20 * FRAME, (i) => 0.5 * Math.sin((2 * Math.PI * 1_000 * i) / 16_000));
  const { got } = round(16_000, tone);
  for (let at = FRAME; at + FRAME <= got.length; at += FRAME) {
    expect(signalToNoise(tone.subarray(at), got.subarray(at, at + FRAME))).toBeGreaterThan(15);
  }
});
