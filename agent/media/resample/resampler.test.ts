import { expect, test } from 'vitest';
import { byLength } from '../../../test/peers/programs/peers.ts';
import { random } from '../../../test/support/base/random.ts';
import { opusRateOf, Resampler } from './resampler.ts';

const RATES = [
  [11_025, 12_000],
  [22_050, 24_000],
  [32_000, 48_000],
  [44_100, 48_000],
  [64_000, 48_000],
  [88_200, 48_000],
  [96_000, 48_000],
] as const;

const tone = (rateHz: number, toneHz: number, samples: number): Float32Array =>
  Float32Array.from({ length: samples }, (_, i) => 0.5 * Math.sin((2 * Math.PI * toneHz * i) / rateHz));

/** All of it in one block. */
function resampled(fromHz: number, toHz: number, channels: 1 | 2, input: Float32Array): Float32Array {
  const resampler = new Resampler(fromHz, toHz, channels);
  const samples = input.length / channels;
  const out = new Float32Array(resampler.outputFor(samples) * channels);
  return out.subarray(0, resampler.push(input, samples, out) * channels);
}

/** Its share of half the scale, in dB, without the beginning, where the tone sets in. */
function levelDb(samples: Float32Array): number {
  const rest = samples.subarray(200);
  return 10 * Math.log10(rest.reduce((sum, value) => sum + value * value, 0) / rest.length / 0.125 + 1e-20);
}

test.for([
  [7_350, 8_000],
  [8_000, 8_000],
  [11_025, 12_000],
  [16_000, 16_000],
  [22_050, 24_000],
  [32_000, 48_000],
  [44_100, 48_000],
  [96_000, 48_000],
])('sound of %i Hz goes to Opus at %i Hz', ([rateHz, opusHz]) => {
  expect(opusRateOf(rateHz as number)).toBe(opusHz);
});

test.for(RATES)('%i to %i Hz keeps tones, and adds nothing above -70 dB', ([fromHz, toHz]) => {
  for (const part of [0.01, 0.1, 0.25, 0.33, 0.4]) {
    const toneHz = part * Math.min(fromHz, toHz);
    const got = resampled(fromHz, toHz, 1, tone(fromHz, toneHz, 4000));
    const error = tone(toHz, toneHz, got.length).map((value, i) => value - (got[i] as number));
    expect(levelDb(error), `${toneHz} Hz`).toBeLessThan(-70);
  }
});

test.for([
  [64_000, 48_000, 29_000],
  [88_200, 48_000, 31_000],
  [96_000, 48_000, 30_000],
  [96_000, 48_000, 45_000],
] as const)('%i to %i Hz has no place for %i Hz', ([fromHz, toHz, toneHz]) => {
  expect(levelDb(resampled(fromHz, toHz, 1, tone(fromHz, toneHz, 4000)))).toBeLessThan(-70);
});

test('a constant signal is unchanged', () => {
  const got = resampled(44_100, 48_000, 1, new Float32Array(2000).fill(0.25)).subarray(100);
  expect(Math.max(...got.map((value) => Math.abs(value - 0.25)))).toBeLessThan(1e-7);
});

test('left and right do not mix', () => {
  const left = tone(44_100, 440, 3000);
  const right = tone(44_100, 1200, 3000);
  const both = Float32Array.from({ length: 6000 }, (_, i) => (i % 2 === 0 ? left : right)[i >> 1] as number);
  const got = resampled(44_100, 48_000, 2, both);
  expect(got.filter((_, i) => i % 2 === 0)).toEqual(resampled(44_100, 48_000, 1, left));
  expect(got.filter((_, i) => i % 2 === 1)).toEqual(resampled(44_100, 48_000, 1, right));
});

test.for(RATES)('%i to %i Hz: blocks of any size are the same sound as one', ([fromHz, toHz]) => {
  const next = random(fromHz);
  const input = Float32Array.from({ length: 20_000 }, () => next() - 0.5);
  const resampler = new Resampler(fromHz, toHz, 2);
  const got: number[] = [];
  for (let at = 0; at < input.length; ) {
    const samples = Math.min(Math.floor(next() ** 4 * 2000), (input.length - at) / 2);
    const out = new Float32Array(resampler.outputFor(samples) * 2 + 1).fill(9);
    const made = resampler.push(input.subarray(at), samples, out);
    expect(out[2 * made]).toBe(9);
    got.push(...out.subarray(0, 2 * made));
    at += 2 * samples;
  }
  expect(Float32Array.from(got)).toEqual(resampled(fromHz, toHz, 2, input));
});

test.for(RATES)('%i to %i Hz: a long time in frames is as long, to the sample', ([fromHz, toHz]) => {
  const resampler = new Resampler(fromHz, toHz, 1);
  const frame = new Float32Array(1024);
  const out = new Float32Array(resampler.outputFor(frame.length));
  let [taken, made] = [0, 0];
  while (taken < byLength(10, 3600) * fromHz) {
    made += resampler.push(frame, frame.length, out);
    taken += frame.length;
  }
  // Output samples whose last input sample has arrived.
  expect(made).toBe(Math.ceil(((taken - resampler.lookAheadSamples) * toHz) / fromHz));
});

test.for([
  [16_001, 24_000],
  [192_000, 8_000],
] as const)('%i to %i Hz is refused', ([fromHz, toHz]) => {
  expect(() => new Resampler(fromHz, toHz, 1)).toThrow(`cannot resample from ${fromHz} Hz to ${toHz} Hz`);
});
