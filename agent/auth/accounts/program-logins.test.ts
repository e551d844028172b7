import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { LoginLimits } from '../throttle/login-limits.ts';
import { ProgramLogins } from './program-logins.ts';

const AWAY = '203.0.113.5';
const login = (password: string | undefined, other: object = {}) => ({
  ...{ user: 'tom', password, isDigest: false, ip: AWAY },
  ...other,
});

function open() {
  const clock = new FakeClock();
  const logins = new ProgramLogins(clock, new LoginLimits(clock));
  const guess = (count: number, other: object = {}) => {
    for (let i = 0; i < count; i += 1) {
      logins.take(login(`wrong ${i}`, other), false)('wrong');
    }
  };
  return { clock, logins, guess };
}

test('a right login keeps working at its address while another client guesses there', async () => {
  const { clock, logins, guess } = open();
  logins.take(login('right'), false)('right');
  guess(10);
  expect(() => logins.take(login('wrong'), false)).toThrow('10 wrong attempts');
  expect(() => logins.take(login('right'), false)('right')).not.toThrow();
  expect(() => logins.take(login('right', { user: 'eve' }), false)).toThrow('10 wrong attempts');
  expect(() => logins.take(login('right', { ip: '203.0.113.6' }), false)('right')).not.toThrow();
  await clock.advance(86_400_000);
  guess(10);
  expect(() => logins.take(login('right'), false)).toThrow('10 wrong attempts');
});

test('an expired login is counted again', () => {
  const { logins, guess } = open();
  logins.take(login('old'), false)('right');
  logins.take(login('old'), false)('wrong');
  guess(10);
  expect(() => logins.take(login('old'), false)).toThrow('10 wrong attempts');
});

test('one pair on concurrent connections is one attempt', () => {
  const { logins, guess } = open();
  const ends = Array.from({ length: 40 }, () => logins.take(login('right'), false));
  for (const end of ends) {
    end('right');
  }
  guess(10);
});

test('a wrong pair is counted although it is permitted without verification at the same time', () => {
  const { logins } = open();
  for (let i = 0; i < 10; i += 1) {
    const [open, wrong] = [logins.take(login(`${i}`), false), logins.take(login(`${i}`), false)];
    wrong('wrong');
    open('open');
  }
  expect(() => logins.take(login('x'), false)).toThrow('10 wrong attempts');
});

test('a pair permitted without verification is not cached as right', () => {
  const { logins, guess } = open();
  logins.take(login('x'), false)('open');
  guess(10);
  expect(() => logins.take(login('x'), false)).toThrow('10 wrong attempts');
});

test('an unverified attempt does not clear those of a known address', () => {
  const { logins } = open();
  for (let i = 0; i < 9; i += 1) {
    logins.take(login(`${i}`), true)('wrong');
  }
  logins.take(login('a'), true)('open');
  logins.take(login('b'), true)('wrong');
  expect(() => logins.take(login('c'), true)).toThrow('10 wrong attempts');
});

test('wrong Digest answers do not use up the attempts of Basic, because players send a page password as Digest first', () => {
  const { logins, guess } = open();
  guess(10, { isDigest: true, password: undefined });
  expect(() => logins.take(login(undefined, { isDigest: true }), false)).toThrow('10 wrong attempts');
  expect(() => logins.take(login('right'), false)('right')).not.toThrow();
});
