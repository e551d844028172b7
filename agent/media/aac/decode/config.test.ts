import { expect, test } from 'vitest';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { hex } from '../../../../test/support/media/units.ts';
import { PerchError } from '../../../base/errors.ts';
import { readDecoderConfig } from './config.ts';
import { AacDecoder } from './decoder.ts';

/** AudioSpecificConfig of channelConfiguration 0 at 48 kHz, with the front elements of its program_config_element. */
const layoutConfig = (...isPair: readonly boolean[]): Uint8Array => {
  const front = isPair.map((pair) => (pair ? '10000' : '00000')).join('');
  const counts = `${isPair.length.toString(2).padStart(4, '0')}0000000000000000000`.slice(0, 21);
  const head = `0001000110000000${'0000010011'}${counts}000${front}`;
  const aligned = head.padEnd(Math.ceil(head.length / 8) * 8, '0');
  return Uint8Array.from(`${aligned}00000000`.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
};

test.for([
  ['mono at 8 kHz', hex('1588'), { rateHz: 8_000, channels: 1 }],
  ['stereo at 48 kHz', hex('1190'), { rateHz: 48_000, channels: 2 }],
  ['stereo at 44.1 kHz without replication, said after it', hex('1210 56e5 00'), { rateHz: 44_100, channels: 2 }],
  ['a layout of one channel', layoutConfig(false), { rateHz: 48_000, channels: 1 }],
  ['a layout of one pair', layoutConfig(true), { rateHz: 48_000, channels: 2 }],
  ['a layout of two single channels', layoutConfig(false, false), { rateHz: 48_000, channels: 2 }],
] as const)('%s is decoded', ([, config, expected]) => {
  expect(readDecoderConfig(config)).toEqual(expected);
  expect(AacDecoder.refusalOf(config)).toBeUndefined();
});

test.for([
  ['HE-AAC', '2b8a 0800', 'HE-AAC is not decoded, only AAC-LC is'],
  ['HE-AAC signalled after the core', '1310 56e5 a0', 'HE-AAC is not decoded'],
  ['HE-AAC v2', 'eb8a 0800', 'HE-AAC v2 is not decoded'],
  ['HE-AAC v2 signalled after the core', '1308 56e5 a548 80', 'HE-AAC v2 is not decoded'],
  ['AAC Main', '0988', 'AAC Main is not decoded'],
  ['AAC LTP', '2188', 'AAC LTP is not decoded'],
  ['AAC-LD', 'b98800', 'AAC-LD is not decoded'],
  ['six channels', '11b0', 'AAC with 6 channels, at most 2'],
  ['frames of 960 samples', '1214', 'AAC frames of 960 samples'],
  ['a config that ends early', '11', 'bits end too early'],
  ['no config', '', 'bits end too early'],
] as const)('%s is refused by name', ([, config, reason]) => {
  expect(AacDecoder.refusalOf(hex(config))).toContain(reason);
  expect(() => new AacDecoder(hex(config))).toThrow(reason);
});

test('a layout of three channels is rejected', () => {
  expect(AacDecoder.refusalOf(layoutConfig(false, true))).toContain('3 channels');
});

test('damaged configs are accepted or rejected with a PerchError', () => {
  const next = random(163);
  const seeds = [hex('1310 56e5 a548 80'), hex('eb8a 0800'), layoutConfig(false, false), layoutConfig(true)];
  for (let round = 0; round < 5000; round += 1) {
    const config = mutate(seeds[round % seeds.length] as Uint8Array, next);
    try {
      expect(readDecoderConfig(config).channels).toBeLessThanOrEqual(2);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
