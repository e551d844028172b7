import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { hex } from '../../../test/support/media/units.ts';
import { PerchError } from '../../base/errors.ts';
import { AC3 } from './params.ts';

test.for([
  ['192 kbit/s stereo at 48 kHz', '0b77 0000 14 40 43', 48_000, 2, 768, '101140'],
  ['64 kbit/s mono at 48 kHz', '0b77 0000 08 40 20', 48_000, 1, 256, '100880'],
  ['448 kbit/s 5.1 at 48 kHz', '0b77 0000 1e 40 e1', 48_000, 6, 1792, '103de0'],
  ['5.0, its centre and surround levels set', '0b77 0000 1e 40 fe', 48_000, 5, 1792, '1039e0'],
  ['3/0 with low frequencies', '0b77 0000 1e 40 64', 48_000, 4, 1792, '101de0'],
  ['2/1 without', '0b77 0000 1e 40 80', 48_000, 3, 1792, '1021e0'],
  ['32 kbit/s at 44.1 kHz', '0b77 0000 40 40 20', 44_100, 1, 138, '500800'],
  ['the same with its odd word', '0b77 0000 41 40 20', 44_100, 1, 140, '500800'],
  ['640 kbit/s at 32 kHz: the largest', '0b77 0000 a5 30 40', 32_000, 2, 3840, '8c1240'],
] as const)('%s', ([, bytes, sampleRate, channels, sizeBytes, config]) => {
  const frame = AC3.parse(hex(bytes), 0, 7);
  expect(frame).toMatchObject({ sampleRate, channels, sizeBytes });
  expect((frame.config >>> 0).toString(16)).toBe(config);
});

test.for([
  ['no sync word', '0b78 0000 14 40 43', 'no sync word'],
  ['a reserved sample rate', '0b77 0000 d4 40 43', 'fscod 3'],
  ['a reserved size', '0b77 0000 26 40 43', 'frmsizecod 38'],
  ['E-AC-3', '0b77 0000 14 80 43', 'bsid 16'],
  ['six bytes', '0b77 0000 14 40', '6 bytes'],
] as const)('%s is rejected', ([, bytes, message]) => {
  const data = hex(bytes);
  expect(() => AC3.parse(data, 0, data.length)).toThrow(message);
});

test('random headers make frames of 128 to 3840 bytes with 1 to 6 channels, or throw a PerchError', () => {
  const next = random(366);
  const sizes = new Set<number>();
  const channelCounts = new Set<number>();
  for (let round = 0; round < 20_000; round += 1) {
    const data = Uint8Array.of(0x0b, 0x77, 0, 0, next() * 256, next() * 80, next() * 256);
    try {
      const { sizeBytes, channels } = AC3.parse(data, 0, 7);
      sizes.add(sizeBytes);
      channelCounts.add(channels);
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
    }
  }
  expect([Math.min(...sizes), Math.max(...sizes)]).toEqual([128, 3840]);
  expect([...channelCounts].sort()).toEqual([1, 2, 3, 4, 5, 6]);
});
