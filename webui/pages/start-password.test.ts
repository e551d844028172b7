import { expect, test } from 'vitest';
import { COMMONEST, checkNewPassword } from '../../agent/auth/accounts/new-password.ts';
import { judgePassword } from './start-password.ts';

test.for([
  ['', 'short'],
  ['seven77', 'short'],
  ['🐦🐦🐦🐦🐦🐦🐦', 'short'],
  ['Password1', 'common'],
  ['zzzzzzzzzz', 'common'],
  ['a small bird', 'good'],
  ['密码是一只小鸟哦', 'good'],
] as const)('%s is %s', ([password, verdict]) => {
  expect(judgePassword(password)).toBe(verdict);
});

test('the page finds a password good exactly when the box takes it', () => {
  const tried = [...COMMONEST, 'seven77', 'eight888', 'aaaaaaaa', 'ÄÄÄÄÄÄÄÄ', 'a red kite', '🐦🐦🐦🐦🐦🐦🐦🐦'];
  for (const password of tried) {
    let isTaken = true;
    try {
      checkNewPassword(password);
    } catch {
      isTaken = false;
    }
    expect(judgePassword(password) === 'good', password).toBe(isTaken);
  }
});
