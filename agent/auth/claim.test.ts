import { expect, test } from 'vitest';
import { checkNewPassword, isSetupCode, makeSetupCode } from './claim.ts';

test.for(['blue heron', 'kq7#xw2p', '喂养红色小鸟十只', `${'a'.repeat(255)}b`])('%s is a password', (password) => {
  expect(() => checkNewPassword(password)).not.toThrow();
});

test.for([
  ['', 'has 0 characters, at least 8'],
  ['seven77', 'has 7 characters, at least 8'],
  ['🐦🐦🐦🐦🐦🐦🐦', 'has 7 characters, at least 8'],
  ['x'.repeat(257), 'has 257 characters, at most 256'],
  ['Password1', 'among the first'],
  ['12345678', 'among the first'],
  ['zzzzzzzzzz', 'among the first'],
] as const)('%s is refused', ([password, message]) => {
  expect(() => checkNewPassword(password)).toThrow(message);
});

test('a setup code is read whatever its case, blanks and dashes are', () => {
  const code = makeSetupCode();
  expect(code).toMatch(/^[2-9A-HJKMNP-Z]{4}-[2-9A-HJKMNP-Z]{4}$/);
  expect(isSetupCode(code, code)).toBe(true);
  expect(isSetupCode(` ${code.toLowerCase().replace('-', ' ')} `, code)).toBe(true);
  expect(isSetupCode(code.slice(1), code)).toBe(false);
  expect(isSetupCode('', code)).toBe(false);
  expect(isSetupCode(makeSetupCode(), code)).toBe(false);
});
