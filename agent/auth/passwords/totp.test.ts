import { expect, test } from 'vitest';
import { base32, otpauthUri, stepOf, totpCode } from '../accounts/second-factor.ts';

/** RFC 6238, appendix B. */
const SECRET = Buffer.from('12345678901234567890');

test.for([
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
] as const)('at %i s the code is %s (RFC 6238, appendix B)', ([seconds, code]) => {
  expect(totpCode(SECRET, Math.floor(seconds / 30))).toBe(code);
});

test.for([
  [-2, undefined],
  [-1, 99],
  [0, 100],
  [1, 101],
  [2, undefined],
] as const)('a code that is %i steps away belongs to step %s', ([away, step]) => {
  expect(stepOf(SECRET, totpCode(SECRET, 100 + away), 100 * 30_000, 0)).toBe(step);
});

test('a code is accepted once, and none before the last one', () => {
  const code = totpCode(SECRET, 100);
  expect(stepOf(SECRET, code, 100 * 30_000, 100)).toBeUndefined();
  expect(stepOf(SECRET, totpCode(SECRET, 99), 100 * 30_000, 100)).toBeUndefined();
  expect(stepOf(SECRET, totpCode(SECRET, 101), 100 * 30_000, 100)).toBe(101);
});

test.for(['', '28708', '2870822', 'abcdef', '２８７０８２'])('%j is not a code', (code) => {
  expect(stepOf(SECRET, code, 59_000, -1)).toBeUndefined();
});

test.for([
  ['', ''],
  ['f', 'MY'],
  ['fo', 'MZXQ'],
  ['foo', 'MZXW6'],
  ['foob', 'MZXW6YQ'],
  ['fooba', 'MZXW6YTB'],
  ['foobar', 'MZXW6YTBOI'],
] as const)('base32 of %j is %s, without padding (RFC 4648, section 10)', ([text, encoded]) => {
  expect(base32(Buffer.from(text))).toBe(encoded);
});

test('apps read issuer, account and secret', () => {
  const uri = new URL(otpauthUri(SECRET, 'Perch', 'owner'));
  expect(uri.href).toBe('otpauth://totp/Perch%3Aowner?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Perch');
});
