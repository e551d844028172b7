import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { secretOfUri } from '../../../test/support/clients/authenticator-app.ts';
import { silentLogger } from '../../base/log.ts';
import { Accounts } from './accounts.ts';
import { writeClaim } from './local-claim.ts';
import { forgetOwner } from './people.ts';
import { totpCode } from './second-factor.ts';

const PASSWORD = 'blue heron';
const HOME = { ip: '192.168.1.9', isPrivate: true };
const AWAY = { ip: '203.0.113.5', isPrivate: false };

let folder = '';
let clock = new FakeClock();
const open = () => Accounts.open({ dataDir: folder, clock, log: silentLogger });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-owner-factor-'));
  clock = new FakeClock();
});
afterEach(() => rm(folder, { recursive: true, maxRetries: 10 }));

/** An owner with a second factor, whose app shows `now()`. */
async function openWithFactor() {
  const accounts = await open();
  const token = await accounts.claim(PASSWORD, accounts.setup?.code, HOME);
  const before = accounts.deviceToken('owner');
  const { uri, setup } = accounts.people.secondFactor.begin('owner');
  const secret = secretOfUri(uri);
  const now = () => totpCode(secret, Math.floor(clock.wallMs() / 30_000));
  const recovery = await accounts.people.secondFactor.confirm(now(), setup);
  await accounts.secondFactorAdded('owner', HOME.ip, token);
  await clock.advance(30_000);
  return { accounts, token, before, now, recovery };
}

test('a new browser needs the code in addition to the password, a known one does not', async () => {
  const { accounts, now } = await openWithFactor();
  await expect(accounts.logIn('owner', PASSWORD, AWAY)).rejects.toMatchObject({ context: { why: 'codeNeeded' } });
  await expect(accounts.logIn('owner', PASSWORD, { ...AWAY, code: '000000' })).rejects.toThrow('wrong code');
  await expect(accounts.logIn('owner', 'wrong', { ...AWAY, code: now() })).rejects.toThrow('wrong password');
  expect(await accounts.logIn('owner', PASSWORD, { ...AWAY, code: now() })).toHaveLength(43);
  await expect(accounts.logIn('owner', PASSWORD, { ...AWAY, code: now() })).rejects.toThrow('wrong code');
  const deviceToken = accounts.deviceToken('owner');
  expect(await accounts.logIn('owner', PASSWORD, { ...AWAY, deviceToken })).toHaveLength(43);
});

test('a browser that was known before the second factor has to prove it, and loses its session', async () => {
  const { accounts, before, token } = await openWithFactor();
  await expect(accounts.logIn('owner', PASSWORD, { ...HOME, deviceToken: before })).rejects.toMatchObject({
    context: { why: 'codeNeeded' },
  });
  expect(accounts.sessionUser(token)).toBe('owner');
});

test('a viewer needs no code', async () => {
  const { accounts } = await openWithFactor();
  await accounts.people.addUser({ name: 'ann', cameras: 'all', live: true, recordings: false }, 'a red kite');
  expect(await accounts.logIn('ann', 'a red kite', AWAY)).toHaveLength(43);
  expect([accounts.hasSecondFactor('owner'), accounts.hasSecondFactor('ann')]).toEqual([true, false]);
});

test('ten wrong codes from anywhere are the last for ten minutes, and a known browser gets in meanwhile', async () => {
  const { accounts, now } = await openWithFactor();
  const deviceToken = accounts.deviceToken('owner');
  for (let i = 0; i < 10; i += 1) {
    const guess = { ip: `198.51.100.${i}`, isPrivate: false, code: '000000' };
    await expect(accounts.logIn('owner', PASSWORD, guess)).rejects.toThrow('wrong code');
  }
  await expect(accounts.logIn('owner', PASSWORD, { ...AWAY, code: now() })).rejects.toThrow('10 wrong attempts');
  expect(await accounts.logIn('owner', PASSWORD, { ...AWAY, deviceToken })).toHaveLength(43);
  await clock.advance(10 * 60_000);
  expect(await accounts.logIn('owner', PASSWORD, { ...AWAY, code: now() })).toHaveLength(43);
});

test('it is removed with password and code, or with a recovery code', async () => {
  const { accounts, recovery } = await openWithFactor();
  const remove = (password: string, code: string) => accounts.removeSecondFactor('owner', password, { ...HOME, code });
  await expect(remove('wrong', recovery[0] ?? '')).rejects.toThrow('wrong password');
  await expect(remove(PASSWORD, '000000')).rejects.toThrow('wrong code');
  await remove(PASSWORD, recovery[0] ?? '');
  expect(await (await open()).logIn('owner', PASSWORD, AWAY)).toHaveLength(43);
});

test('a password reset and a claim remove the second factor', async () => {
  await openWithFactor();
  expect(await forgetOwner(folder)).toBe(true);
  const again = await open();
  await again.claim('grey heron', again.setup?.code, HOME);
  expect(again.hasSecondFactor('owner')).toBe(false);
});

test('a claim on the box removes the second factor of an owner whose users.json is missing', async () => {
  await openWithFactor();
  await rm(join(folder, 'users.json'));
  await writeClaim(folder, 'grey heron');
  const accounts = await open();
  expect([accounts.owner, accounts.hasSecondFactor('owner')]).toEqual(['owner', false]);
});
