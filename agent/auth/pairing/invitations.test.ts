import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { isBoxAddress, readInvitation, writeInvitation } from './invitation-text.ts';
import { Invitations } from './invitations.ts';

const RIGHTS = { cameras: ['door'], live: true, recordings: false, talk: false } as const;
const CLIENT = { ip: '192.168.1.9', isPrivate: true };
const FACTS = {
  addresses: ['192.168.1.5:8443', '[2001:db8::5]:8443', 'perch.local:8443'],
  pin: `authority.${'A'.repeat(44)}`,
  secret: 'abcdefghijklmnopqrstuv',
};

test('an invitation is used once', () => {
  const invitations = new Invitations(new FakeClock(), silentLogger);
  const secret = invitations.create(RIGHTS);
  expect(invitations.take(secret, CLIENT)).toEqual(RIGHTS);
  expect(() => invitations.take(secret, CLIENT)).toThrow(/was used/);
});

test('an invitation ends after ten minutes', async () => {
  const clock = new FakeClock();
  const invitations = new Invitations(clock, silentLogger);
  const [first, second] = [invitations.create(RIGHTS), invitations.create(RIGHTS)];
  await clock.advance(599_999);
  expect(invitations.take(first, CLIENT)).toEqual(RIGHTS);
  await clock.advance(1);
  expect(() => invitations.take(second, CLIENT)).toThrow(/older than ten minutes/);
});

test('guesses are limited, and a right secret does not help against that', () => {
  const invitations = new Invitations(new FakeClock(), silentLogger);
  const secret = invitations.create(RIGHTS);
  for (let i = 0; i < 10; i += 1) {
    expect(() => invitations.take(`guess ${i}`, CLIENT)).toThrow(/wrong/);
  }
  expect(() => invitations.take(secret, CLIENT)).toThrow(expect.objectContaining({ code: 'exhausted' }) as Error);
  expect(invitations.take(secret, { ip: '192.168.1.10', isPrivate: true })).toEqual(RIGHTS);
});

test('open invitations are limited', () => {
  const invitations = new Invitations(new FakeClock(), silentLogger);
  for (let i = 0; i < 20; i += 1) {
    invitations.create(RIGHTS);
  }
  expect(() => invitations.create(RIGHTS)).toThrow(/20 invitations/);
});

test('the text of an invitation is read as it was written', () => {
  expect(readInvitation(`  ${writeInvitation(FACTS)}\n`)).toEqual(FACTS);
});

test('a damaged text is rejected without its secret, and never accepted with a wrong address', () => {
  const next = random(9421);
  const text = writeInvitation(FACTS);
  for (let i = 0; i < 2_000; i += 1) {
    const at = Math.floor(next() * text.length);
    const letter = String.fromCharCode(32 + Math.floor(next() * 95));
    const changed = [
      () => text.slice(0, at),
      () => text.slice(0, at) + letter + text.slice(at + 1),
      () => text.slice(at),
      () => text.slice(0, at) + text,
    ][Math.floor(next() * 4)]?.();
    try {
      const { addresses, secret } = readInvitation(changed ?? '');
      expect(addresses.every(isBoxAddress)).toBe(true);
      expect(secret).toMatch(/^[\w-]{22}$/);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
      expect((error as Error).message).not.toContain(FACTS.secret);
    }
  }
});
