import { expect, test } from 'vitest';
import { hex } from '../../../test/support/media/units.ts';
import { PerchError } from '../../base/errors.ts';
import { parseMpegAudioFrame } from './params.ts';

test.for([
  ['MP3 of 128 kbit/s at 44.1 kHz', 'fffb 9064', { version: 1, layer: 3, sampleRate: 44_100, channels: 2 }, 417, 1152],
  ['the same with padding', 'fffb 9264', { version: 1, layer: 3 }, 418, 1152],
  ['MP3 in mono', 'fffb 90c4', { channels: 1 }, 417, 1152],
  ['MPEG-2 MP3 of 32 kbit/s at 16 kHz', 'fff3 4864', { version: 2, layer: 3, sampleRate: 16_000 }, 144, 576],
  [
    'MPEG-2.5 MP3 of 8 kbit/s at 8 kHz',
    'ffe3 18c4',
    { version: 2.5, layer: 3, sampleRate: 8_000, channels: 1 },
    72,
    576,
  ],
  ['layer II of 192 kbit/s at 48 kHz', 'fffd a404', { version: 1, layer: 2, sampleRate: 48_000 }, 576, 1152],
  ['layer II of 384 kbit/s at 32 kHz', 'fffd e804', { layer: 2, sampleRate: 32_000 }, 1728, 1152],
  ['layer I of 448 kbit/s at 44.1 kHz', 'ffff e000', { layer: 1, sampleRate: 44_100 }, 484, 384],
  ['layer I with padding: a slot of four bytes', 'ffff e200', { layer: 1 }, 488, 384],
] as const)('%s', ([, bytes, expected, sizeBytes, frameSamples]) => {
  expect(parseMpegAudioFrame(hex(bytes), 0, 4)).toMatchObject({ ...expected, sizeBytes, frameSamples });
});

test.for([
  ['no sync word', 'fe fb 90 64', 'no sync word'],
  ['the reserved version', 'ff eb 90 64', 'no sync word'],
  ['the reserved layer, as in ADTS', 'ff f9 90 64', 'no sync word'],
  ['the free format', 'ff fb 00 64', 'bit rate index 0'],
  ['a forbidden bit rate', 'ff fb f0 64', 'bit rate index 15'],
  ['a reserved sample rate', 'ff fb 9c 64', 'sample rate index 3'],
  ['three bytes', 'ff fb 90', '3 bytes'],
] as const)('%s is rejected', ([, bytes, message]) => {
  const data = hex(bytes);
  expect(() => parseMpegAudioFrame(data, 0, data.length)).toThrow(message);
});

test('every possible header is rejected with a PerchError or yields a frame of 24 to 2881 bytes', () => {
  let frames = 0;
  let smallest = Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let bits = 0; bits < 1 << 21; bits += 7) {
    const data = Uint8Array.of(0xff, 0xe0 | (bits >> 16), bits >> 8, bits);
    try {
      const { sizeBytes } = parseMpegAudioFrame(data, 0, 4);
      frames += 1;
      largest = Math.max(largest, sizeBytes);
      smallest = Math.min(smallest, sizeBytes);
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
    }
  }
  expect(frames).toBeGreaterThan(50_000);
  expect([smallest, largest]).toEqual([24, 2881]);
});
