import { expect, test } from 'vitest';
import { compareVersions, isVersion } from './version.ts';

const IN_ORDER = [
  '0.0.9',
  '0.1.0~alpha',
  '0.1.0~rc1',
  '0.1.0~rc2',
  '0.1.0~rc10',
  '0.1.0',
  '0.1.1',
  '0.2.0',
  '0.10.0',
  '1.0.0',
];

test('versions are older, the same or newer, as Debian has it', () => {
  for (const [i, one] of IN_ORDER.entries()) {
    for (const [j, other] of IN_ORDER.entries()) {
      expect(Math.sign(compareVersions(one, other)), `${one} and ${other}`).toBe(Math.sign(i - j));
    }
  }
});

test.for([
  '',
  '1',
  '1.2',
  '1.2.3.4',
  'v1.2.3',
  '1.2.3-1',
  '1.2.3~',
  '1.2.3~1',
  '1:1.2.3',
  ' 1.2.3',
  '1.2.3\n',
  '1.2.3/..',
  '1234567.0.0',
])('%j is not a version', (text) => {
  expect(isVersion(text)).toBe(false);
});
