import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { silentLogger } from '../../../base/log.ts';
import { ServerInvitations } from './server-invitations.ts';

const HOME = { ip: '192.168.1.5', isPrivate: true };
const keyOf = (secret: string) => ({
  sign: (purpose: string, text: string) =>
    createHmac('sha256', secret).update(`${purpose}\n${text}`).digest('base64url'),
});
const start = (clock = new FakeClock(), secret = 'of all servers') => {
  const open = () => new ServerInvitations(keyOf(secret), clock, silentLogger);
  return { clock, one: open(), other: open() };
};
const noCheck = () => {};

test('an invitation of one server is taken by another one with the same key, and gives the key that it names', () => {
  const { one, other } = start();
  const { secret, key } = one.create();
  const seen: string[] = [];
  const keys = other.take(secret, HOME, ({ key: named }) => void seen.push(named));
  expect([keys.key, seen]).toEqual([key, [key]]);
  expect(() => other.take(secret, HOME, noCheck)).toThrow('was used');
});

test('it is valid for ten minutes', async () => {
  const { clock, one, other } = start();
  const { secret } = one.create();
  await clock.advance(599_000);
  other.take(secret, HOME, noCheck);
  await clock.advance(1_000);
  expect(() => one.take(secret, HOME, noCheck)).toThrow('older than ten minutes');
});

test('a wrong proof leaves it valid', () => {
  const { one } = start();
  const { secret } = one.create();
  const refuse = () => {
    throw new Error('the proof is wrong');
  };
  expect(() => one.take(secret, HOME, refuse)).toThrow('the proof is wrong');
  one.take(secret, HOME, noCheck);
});

test('other texts are rejected, and a forged secret does not give the key of the real one', () => {
  const { one } = start();
  const { secret, key } = one.create();
  const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const twin = secret.slice(0, -1) + last[last.indexOf(secret.at(-1) ?? '') ^ 1];
  for (const text of ['', 'short', `${secret}A`, twin, 'A'.repeat(22), '_'.repeat(22)]) {
    expect(() => one.take(text, HOME, noCheck)).toThrow('the invitation is wrong');
  }
  const forged = Buffer.from(secret, 'base64url').fill(0, 0, 12).toString('base64url');
  expect(one.take(forged, HOME, noCheck).key).not.toBe(key);
  const { one: stranger } = start(undefined, 'of other servers');
  expect(stranger.take(secret, HOME, noCheck).key).not.toBe(key);
});

test('wrong secrets of one address are limited', () => {
  const { one } = start();
  const tries = Array.from(
    { length: 100 },
    () => () => one.take('A'.repeat(22), { ip: '203.0.113.5', isPrivate: false }, noCheck),
  );
  const said = tries.map((attempt) => {
    try {
      attempt();
      return '';
    } catch (error) {
      return (error as { readonly code: string }).code;
    }
  });
  expect(said.at(-1)).toBe('exhausted');
});
