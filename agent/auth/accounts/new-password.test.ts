import { expect, test } from 'vitest';
import { checkNewPassword } from './new-password.ts';

test.for(['blue heron', 'kq7#xw2p', '喂养红色小鸟十只', `${'a'.repeat(255)}b`])('%s is accepted', (password) => {
  expect(() => checkNewPassword(password)).not.toThrow();
});

test.for([
  ['', 'has 0 characters, at least 8'],
  ['seven77', 'has 7 characters, at least 8'],
  ['🐦🐦🐦🐦🐦🐦🐦', 'has 7 characters, at least 8'],
  ['x'.repeat(257), 'has 257 characters, at most 256'],
  ['Password1', 'among the most common'],
  ['12345678', 'among the most common'],
  ['zzzzzzzzzz', 'among the most common'],
] as const)('%s is rejected', ([password, message]) => {
  expect(() => checkNewPassword(password)).toThrow(message);
});
