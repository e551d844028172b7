import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { LoginAttempts } from './login-attempts.ts';

const takeTen = (attempts: LoginAttempts, ip: string) => {
  for (let i = 0; i < 10; i += 1) {
    attempts.take(ip);
  }
};

test('the eleventh attempt from one address is rejected until ten minutes after the first', async () => {
  const clock = new FakeClock();
  const attempts = new LoginAttempts(clock);
  takeTen(attempts, '192.0.2.1');
  expect(() => attempts.take('192.0.2.1')).toThrow('10 wrong attempts from this address: try again in 10 min');
  expect(() => attempts.take('192.0.2.2')).not.toThrow();
  await clock.advance(10 * 60_000 - 1);
  expect(() => attempts.take('192.0.2.1')).toThrow('try again in 1 min');
  await clock.advance(1);
  expect(() => attempts.take('192.0.2.1')).not.toThrow();
});

test('a right attempt resets the address', () => {
  const attempts = new LoginAttempts(new FakeClock());
  takeTen(attempts, '192.0.2.1');
  attempts.succeeded('192.0.2.1');
  expect(() => takeTen(attempts, '192.0.2.1')).not.toThrow();
});

test('the addresses of one IPv6 subscriber count together', () => {
  const attempts = new LoginAttempts(new FakeClock());
  for (let i = 0; i < 10; i += 1) {
    attempts.take(`2001:db8:0:1::${i.toString(16)}`);
  }
  expect(() => attempts.take('2001:db8:0:1::ffff')).toThrow('10 wrong attempts');
  expect(() => attempts.take('2001:db8:0:2::1')).not.toThrow();
});

test('each device at home has attempts of its own over IPv6', () => {
  const attempts = new LoginAttempts(new FakeClock());
  for (const network of ['fd00:1:2:3', 'fe80:0:0:0']) {
    takeTen(attempts, `${network}::1`);
    expect(() => attempts.take(`${network}::1`)).toThrow('10 wrong attempts');
    expect(() => attempts.take(`${network}::2`)).not.toThrow();
  }
});

test('beyond the limit the address with the oldest failure is dropped', () => {
  const attempts = new LoginAttempts(new FakeClock());
  takeTen(attempts, '192.0.2.1');
  takeTen(attempts, '192.0.2.2');
  for (let i = 0; i < 4095; i += 1) {
    attempts.take(`10.0.${i >> 8}.${i & 255}`);
  }
  expect(() => attempts.take('192.0.2.1')).not.toThrow();
});
