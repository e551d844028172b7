import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/fake-clock.ts';
import { silentLogger } from '../base/log.ts';
import { Accounts } from './accounts.ts';

const HOME = { ip: '192.168.1.9', isPrivate: true };
const AWAY = { ip: '203.0.113.5', isPrivate: false };
const PASSWORD = 'blue heron';
let folder = '';
let clock = new FakeClock();
const open = () => Accounts.open({ dataDir: folder, clock, log: silentLogger });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-accounts-'));
  clock = new FakeClock();
});
afterEach(() => rm(folder, { recursive: true, maxRetries: 10 }));

test('the first password makes the owner, logged in at once and after a restart', async () => {
  const accounts = await open();
  expect(accounts.owner).toBeUndefined();
  const token = await accounts.claim(PASSWORD, undefined, HOME);
  expect(accounts.sessionUser(token)).toBe('owner');
  expect(accounts.setupCode).toBeUndefined();
  const restarted = await open();
  expect(restarted.owner).toBe('owner');
  expect(restarted.sessionUser(token)).toBe('owner');
  expect(await readFile(join(folder, 'users.json'), 'utf8')).not.toContain(PASSWORD);
});

test('a box is claimed once, even when two ask at the same time', async () => {
  const accounts = await open();
  const both = await Promise.allSettled([
    accounts.claim(PASSWORD, undefined, HOME),
    accounts.claim('grey heron', undefined, HOME),
  ]);
  expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  await expect(accounts.claim('grey heron', undefined, HOME)).rejects.toThrow('has an owner already');
  expect(await accounts.verify('owner', PASSWORD, HOME.ip)).toBe(true);
});

test('from elsewhere the setup code is wanted, and ten wrong ones are the last for ten minutes', async () => {
  const accounts = await open();
  const code = accounts.setupCode ?? '';
  await expect(accounts.claim(PASSWORD, undefined, AWAY)).rejects.toThrow('the setup code is needed');
  for (let i = 0; i < 10; i += 1) {
    await expect(accounts.claim(PASSWORD, `0000-000${i}`, AWAY)).rejects.toThrow('wrong setup code');
  }
  await expect(accounts.claim(PASSWORD, code, AWAY)).rejects.toThrow('10 wrong attempts');
  await clock.advance(10 * 60_000);
  expect(accounts.sessionUser(await accounts.claim(PASSWORD, code.toLowerCase(), AWAY))).toBe('owner');
});

test('a log-in ends the session that the browser had before', async () => {
  const accounts = await open();
  const old = await accounts.claim(PASSWORD, undefined, HOME);
  const token = await accounts.logIn('owner', PASSWORD, HOME, old);
  expect(token).not.toBe(old);
  expect(accounts.sessionUser(old)).toBeUndefined();
  expect(accounts.sessionUser(token)).toBe('owner');
  await accounts.logOut(token);
  expect(accounts.sessionUser(token)).toBeUndefined();
});

test('ten wrong passwords are the last for ten minutes, for that address alone', async () => {
  const accounts = await open();
  await accounts.claim(PASSWORD, undefined, HOME);
  for (let i = 0; i < 10; i += 1) {
    await expect(accounts.logIn('owner', `wrong ${i}`, AWAY)).rejects.toThrow('wrong password');
  }
  await expect(accounts.logIn('owner', PASSWORD, AWAY)).rejects.toThrow('10 wrong attempts');
  await expect(accounts.logIn('owner', PASSWORD, HOME)).resolves.toHaveLength(43);
});

test('an unknown name is as wrong as a wrong password', async () => {
  const accounts = await open();
  await expect(accounts.logIn('owner', PASSWORD, HOME)).rejects.toThrow('has no owner yet');
  await accounts.claim(PASSWORD, undefined, HOME);
  await expect(accounts.logIn('root', PASSWORD, HOME)).rejects.toThrow('wrong password');
  expect(await accounts.verify('root', '', HOME.ip)).toBe(false);
});

test('sessions of an owner before, whose users file was removed, are worth nothing to the next', async () => {
  const old = await (await open()).claim(PASSWORD, undefined, HOME);
  await rm(join(folder, 'users.json'));
  const accounts = await open();
  expect(accounts.sessionUser(old)).toBeUndefined();
  const token = await accounts.claim('grey heron', undefined, HOME);
  expect(accounts.sessionUser(old)).toBeUndefined();
  expect((await open()).sessionUser(old)).toBeUndefined();
  expect((await open()).sessionUser(token)).toBe('owner');
});

test('many requests of one player at once cost one attempt and one hash', async () => {
  const accounts = await open();
  await accounts.claim(PASSWORD, undefined, HOME);
  const answers = await Promise.all(Array.from({ length: 40 }, () => accounts.verify('owner', PASSWORD, AWAY.ip)));
  expect(new Set(answers)).toEqual(new Set([true]));
  const wrong = await Promise.all(Array.from({ length: 40 }, () => accounts.verify('owner', 'wrong', AWAY.ip)));
  expect(new Set(wrong)).toEqual(new Set([false]));
});

test('a damaged users file locks the box: no claim, no log-in, no setup code', async () => {
  await writeFile(join(folder, 'users.json'), '{"users":[{"name":"owner"}]}');
  const accounts = await open();
  expect(accounts.setupCode).toBeUndefined();
  await expect(accounts.claim(PASSWORD, undefined, HOME)).rejects.toThrow('has an owner already');
  await expect(accounts.logIn('owner', PASSWORD, HOME)).rejects.toThrow('nobody can log in');
  expect(accounts.person('owner')).toBeUndefined();
});
