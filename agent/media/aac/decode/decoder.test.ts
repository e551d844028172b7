import { describe, expect, test } from 'vitest';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { AacFrames } from '../../../../test/support/media/aac-frames.ts';
import { PerchError } from '../../../base/errors.ts';
import { writeAacConfig } from '../params.ts';
import { AacDecoder, FRAME_SAMPLES } from './decoder.ts';

const MUTATIONS = byLength(2_000, 100_000);
const RATE_HZ = 16_000;

const decoderOf = (channels: number, rateHz = RATE_HZ) =>
  new AacDecoder(writeAacConfig(rateHz, channels) ?? new Uint8Array(0));

function decoded(decoder: AacDecoder, frame: Uint8Array): Float32Array {
  const out = new Float32Array(FRAME_SAMPLES * decoder.channels);
  expect(decoder.decode(frame, out)).toBe(FRAME_SAMPLES);
  return out;
}

function concealed(decoder: AacDecoder): Float32Array {
  const out = new Float32Array(FRAME_SAMPLES * decoder.channels).fill(9);
  expect(decoder.conceal(out)).toBe(FRAME_SAMPLES);
  return out;
}

const bytesOf = (bits: string): Uint8Array =>
  Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
const channelOf = (samples: Float32Array, channel: number): Float32Array => samples.filter((_, i) => i % 2 === channel);
const loudest = (samples: Float32Array): number => samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

describe('channels that the config does not say', () => {
  test('one channel in a stereo stream is heard on both sides', () => {
    const [stereo, mono] = [decoderOf(2), decoderOf(1)];
    const frames = new AacFrames(RATE_HZ, random(1));
    for (let i = 0; i < 10; i += 1) {
      const frame = frames.frame(1);
      const samples = decoded(stereo, frame);
      expect(channelOf(samples, 0)).toEqual(channelOf(samples, 1));
      expect(channelOf(samples, 0)).toEqual(decoded(mono, frame));
    }
  });

  test('two channels in a mono stream are heard as their mean', () => {
    const [stereo, mono] = [decoderOf(2), decoderOf(1)];
    const frames = new AacFrames(RATE_HZ, random(2));
    for (let i = 0; i < 10; i += 1) {
      const frame = frames.frame(2);
      const sides = decoded(stereo, frame);
      for (const [at, value] of decoded(mono, frame).entries()) {
        const left = sides[2 * at] as number;
        const right = sides[2 * at + 1] as number;
        const isClipped = Math.max(Math.abs(left), Math.abs(right)) === 1;
        expect(isClipped || Math.abs((left + right) / 2 - value) < 1e-6).toBe(true);
      }
    }
  });

  test('two single channels are left and right', () => {
    const frames = new AacFrames(RATE_HZ, random(3));
    const decoder = decoderOf(2);
    for (let i = 0; i < 10; i += 1) {
      const samples = decoded(decoder, frames.frame(1, 1));
      expect(channelOf(samples, 0)).not.toEqual(channelOf(samples, 1));
    }
  });

  test.for([[2], [1, 1]] as const)(
    'a program_config_element before elements of %j channels changes nothing',
    (elements) => {
      const [plain, described] = [new AacFrames(RATE_HZ, random(3)), new AacFrames(RATE_HZ, random(3))];
      const [first, second] = [decoderOf(2), decoderOf(2)];
      for (let i = 0; i < 10; i += 1) {
        const samples = decoded(first, plain.frame(...elements));
        expect(decoded(second, described.frame('program', ...elements))).toEqual(samples);
      }
    },
  );

  test('three channels are rejected', () => {
    const frame = new AacFrames(RATE_HZ, random(4)).frame(2, 1);
    expect(() => decoderOf(2).decode(frame, new Float32Array(2048))).toThrow('3 channels, at most 2');
  });
});

test('a silent frame fades out the previous frame', () => {
  const decoder = decoderOf(1);
  decoded(decoder, new AacFrames(RATE_HZ, random(7)).frame(1));
  const silent = new AacFrames(RATE_HZ, random(6)).frame();
  expect(loudest(decoded(decoder, silent))).toBeGreaterThan(0);
  expect(loudest(decoded(decoder, silent))).toBe(0);
});

test('a lost frame is the end of the frame before, then silence; the next frame is decoded', () => {
  const decoder = decoderOf(2);
  const frames = new AacFrames(RATE_HZ, random(7));
  decoded(decoder, frames.frame(2));
  expect(loudest(concealed(decoder))).toBeGreaterThan(0);
  expect(loudest(concealed(decoder))).toBe(0);
  expect(loudest(decoded(decoder, frames.frame(2)))).toBeGreaterThan(0);
});

test('a truncated frame is rejected without effect on the next ones', () => {
  const frames = new AacFrames(RATE_HZ, random(8));
  const [hurt, whole] = [decoderOf(1), decoderOf(1)];
  for (let i = 0; i < 50; i += 1) {
    const frame = frames.frame(1);
    const out = new Float32Array(FRAME_SAMPLES).fill(7);
    expect(() => hurt.decode(frame.subarray(0, Math.floor(frame.length / 2)), out)).toThrow('ends too early');
    expect(out.every((value) => value === 7)).toBe(true);
    expect(decoded(hurt, frame)).toEqual(decoded(whole, frame));
  }
});

test.for([
  ['nothing', new Uint8Array(0), 'ends too early'],
  ['more bytes than a frame may have', new Uint8Array(8192).fill(1), 'at most 8191'],
  ['a coupling channel', Uint8Array.of(0x40, 0, 0), 'AAC element 2'],
  [
    'pulses from a band that there is none of',
    bytesOf(`${'0'.repeat(26)}100111111${'0'.repeat(13)}`),
    'coefficient 1024',
  ],
  ['elements without end', bytesOf('1100000'.repeat(80)), 'more than 64 elements'],
] as const)('%s is rejected', ([, frame, message]) => {
  const decoder = decoderOf(1);
  expect(() => decoder.decode(frame, new Float32Array(FRAME_SAMPLES))).toThrow(PerchError);
  expect(() => decoder.decode(frame, new Float32Array(FRAME_SAMPLES))).toThrow(message);
});

test.for([1, 2] as const)('damaged frames of %i channels give sound or a PerchError', (channels) => {
  const next = random(2024 + channels);
  const frames = new AacFrames(RATE_HZ, random(9));
  const decoder = decoderOf(channels);
  const out = new Float32Array(FRAME_SAMPLES * channels);
  const seen = { good: 0, bad: 0 };
  let wrong = 0;
  for (let round = 0; round < MUTATIONS / 2; round += 1) {
    const frame = frames.frame(channels);
    try {
      decoder.decode(next() < 0.02 ? frame.map(() => 256 * next()) : mutate(frame, next), out);
      seen.good += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
      seen.bad += 1;
      decoder.conceal(out);
    }
    wrong += out.every((value) => Math.abs(value) <= 1) ? 0 : 1;
  }
  expect(wrong).toBe(0);
  expect(Math.min(seen.good, seen.bad)).toBeGreaterThan(MUTATIONS / 40);
  const whole = decoderOf(channels);
  concealed(decoder);
  const quiet = new AacFrames(RATE_HZ, random(10)).frame(channels);
  expect(loudest(decoded(decoder, quiet))).toBeGreaterThan(0);
  expect(loudest(decoded(whole, quiet))).toBeGreaterThan(0);
});
