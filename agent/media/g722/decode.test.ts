import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { G722Decoder } from './decode.ts';

const noise = (count: number, seed: number): Uint8Array => {
  const next = random(seed);
  return Uint8Array.from({ length: count }, () => Math.floor(next() * 256));
};
/** Output of ffmpeg's decoder for `noise(20_000, 722)`: 16-bit little-endian. */
const NOISE_SHA256 = '049038d5d3a31bc7a73f3c58adcf89d2022f98d6bb8f43e1876fc354dcc64169';

test('each value equals that of another decoder, for any code words', () => {
  const values = new Int16Array(40_000);
  expect(new G722Decoder().decode(noise(20_000, 722), values)).toBe(40_000);
  const bytes = Uint8Array.from(values, (value) => value & 0xff);
  const upper = Uint8Array.from(values, (value) => (value >> 8) & 0xff);
  const whole = Uint8Array.from({ length: 80_000 }, (_, i) => (i & 1 ? upper : bytes)[i >> 1] as number);
  expect(createHash('sha256').update(whole).digest('hex')).toBe(NOISE_SHA256);
});

test('packets of any length decode to the same audio', () => {
  const data = noise(3000, 5);
  const whole = new Int16Array(6000);
  new G722Decoder().decode(data, whole);
  const decoder = new G722Decoder();
  const pieces: number[] = [];
  for (let at = 0; at < data.length; at += 7 + (at % 31)) {
    const piece = data.subarray(at, at + 7 + (at % 31));
    const values = new Int16Array(2 * piece.length);
    decoder.decode(piece, values);
    pieces.push(...values);
  }
  expect(pieces).toEqual([...whole]);
});

test('channels that take turns are decoded each by itself', () => {
  const [left, right] = [noise(500, 1), noise(500, 2)];
  const both = Uint8Array.from({ length: 1000 }, (_, i) => (i & 1 ? right : left)[i >> 1] as number);
  const values = new Int16Array(2000);
  expect(new G722Decoder().decode(both, values, 0, 2)).toBe(1000);
  expect(new G722Decoder().decode(both, values, 1, 2)).toBe(1000);
  const alone = new Int16Array(1000);
  new G722Decoder().decode(left, alone);
  expect(values.filter((_, i) => i % 2 === 0)).toEqual(alone);
  new G722Decoder().decode(right, alone);
  expect(values.filter((_, i) => i % 2 === 1)).toEqual(alone);
});
