import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { LoginLimits } from './login-limits.ts';

const stranger = (ip: string, isPrivate = false) => ({ ip, isPrivate, account: 'owner', isKnownAddress: false });
const times = (count: number, work: (i: number) => void) => {
  for (let i = 0; i < count; i += 1) {
    work(i);
  }
};
/** A thousand devices that guess as often as allowed. */
const attack = (limits: LoginLimits, ipOf: (i: number) => string, isPrivate: boolean) =>
  times(1_000, (i) => {
    try {
      limits.take(stranger(ipOf(i), isPrivate));
    } catch {}
  });

test('many addresses together have thirty guesses at one account', () => {
  const limits = new LoginLimits(new FakeClock());
  times(30, (i) => limits.take(stranger(`198.51.100.${i}`)));
  expect(() => limits.take(stranger('203.0.113.5'))).toThrow('30 wrong attempts for this user: try again in 10 min');
});

test('guesses from outside do not lock out a new box at home', () => {
  const limits = new LoginLimits(new FakeClock());
  attack(limits, (i) => `198.51.${i >> 8}.${i & 255}`, false);
  expect(() => limits.take(stranger('192.168.1.9', true))).not.toThrow();
});

test.for([
  ['a device that has been in', { ...stranger('203.0.113.5'), device: 'phone' }],
  ['an address that is logged in', { ...stranger('203.0.113.5'), isKnownAddress: true }],
] as const)('guesses from anywhere leave %s its own attempts', ([, guess]) => {
  const limits = new LoginLimits(new FakeClock());
  attack(limits, (i) => `198.51.${i >> 8}.${i & 255}`, false);
  attack(limits, (i) => `10.0.${i >> 8}.${i & 255}`, true);
  times(10, () => limits.take(guess));
  expect(() => limits.take(guess)).toThrow('10 wrong attempts from this address');
});

test('no lock-out is permanent: after ten minutes unknown clients may try again', async () => {
  const clock = new FakeClock();
  const limits = new LoginLimits(clock);
  attack(limits, (i) => `198.51.${i >> 8}.${i & 255}`, false);
  expect(() => limits.take(stranger('203.0.113.5'))).toThrow('30 wrong attempts');
  await clock.advance(10 * 60_000);
  expect(() => limits.take(stranger('203.0.113.5'))).not.toThrow();
});

test('one right password gains no guesses at another account', () => {
  const limits = new LoginLimits(new FakeClock());
  times(9, () => limits.take(stranger('203.0.113.5')));
  limits.take({ ...stranger('203.0.113.5'), account: 'eve' })();
  limits.take(stranger('203.0.113.5'));
  expect(() => limits.take(stranger('203.0.113.5'))).toThrow('10 wrong attempts from this address');
});

test('one address has ten guesses for all names together, right attempts not counted', () => {
  const limits = new LoginLimits(new FakeClock());
  times(100, () => limits.take(stranger('203.0.113.5'))());
  times(10, (i) => limits.take({ ...stranger('203.0.113.5'), account: i % 2 === 0 ? undefined : `viewer${i}` }));
  expect(() => limits.take(stranger('203.0.113.5'))).toThrow('10 wrong attempts from this address');
});

test('an attempt rejected for the account does not count for the address', () => {
  const limits = new LoginLimits(new FakeClock());
  times(30, (i) => limits.take(stranger(`198.51.100.${i}`)));
  times(20, () => expect(() => limits.take(stranger('203.0.113.5'))).toThrow('for this user'));
  expect(() => limits.take({ ...stranger('203.0.113.5'), account: 'eve' })).not.toThrow();
});
