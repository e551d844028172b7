import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { hex, toHex } from '../../../test/support/media/units.ts';
import { PerchError } from '../../base/errors.ts';
import { parseAacConfig, writeAacConfig } from './params.ts';

test.for([
  ['1588', { objectType: 2, rateHz: 8_000, channels: 1, frameSamples: 1024 }],
  ['1408', { objectType: 2, rateHz: 16_000, channels: 1, frameSamples: 1024 }],
  ['1190', { objectType: 2, rateHz: 48_000, channels: 2, frameSamples: 1024 }],
  ['1210', { objectType: 2, rateHz: 44_100, channels: 2, frameSamples: 1024 }],
  ['1214', { rateHz: 44_100, channels: 2, frameSamples: 960 }],
  ['11b8', { rateHz: 48_000, channels: 8 }],
  ['1180', { rateHz: 48_000, channels: 0 }],
  ['1780 1f40 90', { rateHz: 16_001, channels: 2 }],
  ['2b8a 0800', { objectType: 2, rateHz: 22_050, channels: 1, sbrRateHz: 44_100 }],
] as const)('AudioSpecificConfig %s', ([config, expected]) => {
  expect(parseAacConfig(hex(config))).toMatchObject(expected);
});

test.for([
  ['nothing', '', 'bits end too early'],
  ['one byte', '11', 'bits end too early'],
  ['a reserved rate', '1690', 'AAC sample rate index 13'],
  ['a rate of 100 Hz', '1780 0032 10', 'AAC sample rate 100'],
  ['nine channels', '11c8', 'AAC channel configuration 9'],
  ['another codec', 'f940 0000', 'object type 42 is not AAC'],
] as const)('rejects %s', ([, config, message]) => {
  expect(() => parseAacConfig(hex(config))).toThrow(message);
});

test.for([
  [8_000, 1, '1588'],
  [44_100, 2, '1210'],
  [96_000, 8, '1038'],
] as const)('a config for %i Hz and %i channels reads back', ([rateHz, channels, config]) => {
  const written = writeAacConfig(rateHz, channels) ?? hex('');
  expect(toHex(written)).toBe(config);
  expect(parseAacConfig(written)).toMatchObject({ objectType: 2, rateHz, channels });
});

test.for([
  [8_001, 1],
  [8_000, 0],
  [8_000, 7],
] as const)('no config can say %i Hz and %i channels', ([rateHz, channels]) => {
  expect(writeAacConfig(rateHz, channels)).toBeUndefined();
});

test('random configs are read or rejected with a PerchError', () => {
  const next = random(14_496);
  for (let round = 0; round < 5000; round += 1) {
    const config = Uint8Array.from({ length: Math.floor(next() * 8) }, () => Math.floor(next() * 256));
    try {
      expect(parseAacConfig(config).rateHz).toBeGreaterThanOrEqual(1000);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
