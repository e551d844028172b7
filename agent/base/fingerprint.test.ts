import { expect, test } from 'vitest';
import { fingerprintLines } from './fingerprint.ts';

test('a fingerprint is four lines of four groups', () => {
  const bytes = Array.from({ length: 32 }, (_, i) => i.toString(16).padStart(2, '0').toUpperCase());
  expect(fingerprintLines(bytes.join(':'))).toEqual([
    '0001 0203 0405 0607',
    '0809 0A0B 0C0D 0E0F',
    '1011 1213 1415 1617',
    '1819 1A1B 1C1D 1E1F',
  ]);
});
