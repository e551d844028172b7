import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { silentLogger } from '../../base/log.ts';
import { Accounts } from './accounts.ts';
import { writeClaim } from './local-claim.ts';
import { forgetOwner } from './people.ts';
import { readSetup } from './setup-code.ts';

const HOME = { ip: '192.168.1.9', isPrivate: true };
const AWAY = { ip: '203.0.113.5', isPrivate: false };
const PASSWORD = 'blue heron';

/** Lets the time pass that `isSo` needs. */
async function until(clock: FakeClock, isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await clock.advance(500);
    await setImmediate();
  }
}

let folder = '';
let clock = new FakeClock();
const open = () => Accounts.open({ dataDir: folder, clock, log: silentLogger });
const claim = (accounts: Accounts, password = PASSWORD) => accounts.claim(password, accounts.setup?.code, HOME);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-accounts-'));
  clock = new FakeClock();
});
afterEach(() => rm(folder, { recursive: true, maxRetries: 10 }));

test('the first password makes the owner, logged in at once and after a restart', async () => {
  const accounts = await open();
  expect(accounts.owner).toBeUndefined();
  const token = await claim(accounts);
  expect(accounts.sessionUser(token)).toBe('owner');
  expect(accounts.setup).toBeUndefined();
  const restarted = await open();
  expect(restarted.owner).toBe('owner');
  expect(restarted.sessionUser(token)).toBe('owner');
  expect(await readFile(join(folder, 'users.json'), 'utf8')).not.toContain(PASSWORD);
});

test('a box is claimed once, even by two concurrent requests', async () => {
  const accounts = await open();
  const both = await Promise.allSettled([claim(accounts), claim(accounts, 'grey heron')]);
  expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  await expect(claim(accounts, 'grey heron')).rejects.toThrow('already has an owner');
  expect(await accounts.verify('owner', PASSWORD, HOME.ip)).toBe(true);
});

test.for([HOME, AWAY, { ip: '127.0.0.1', isPrivate: true }])(
  'the claim needs the setup code from $ip',
  async (asker) => {
    const accounts = await open();
    const code = accounts.setup?.code ?? '';
    await expect(accounts.claim(PASSWORD, undefined, asker)).rejects.toThrow('the setup code is needed');
    await expect(accounts.claim(PASSWORD, '', asker)).rejects.toThrow('the setup code is needed');
    for (let i = 0; i < 10; i += 1) {
      await expect(accounts.claim(PASSWORD, `0000-000${i}`, asker)).rejects.toThrow('wrong setup code');
    }
    await expect(accounts.claim(PASSWORD, code, asker)).rejects.toThrow('10 wrong attempts');
    await clock.advance(10 * 60_000);
    expect(accounts.sessionUser(await accounts.claim(PASSWORD, code.toLowerCase(), asker))).toBe('owner');
  },
);

test('wrong setup codes from many addresses are limited together, separately for the home network', async () => {
  const accounts = await open();
  for (let i = 0; i < 30; i += 1) {
    const asker = { ip: `203.0.113.${i}`, isPrivate: false };
    await expect(accounts.claim(PASSWORD, '2222-2222', asker)).rejects.toThrow('wrong setup code');
  }
  await expect(accounts.claim(PASSWORD, accounts.setup?.code, AWAY)).rejects.toThrow('30 wrong attempts');
  await claim(accounts);
});

test('the setup code is random, survives restarts, and is removed by the claim', async () => {
  const code = (await open()).setup?.code ?? '';
  expect((await open()).setup?.code).toBe(code);
  expect((await stat(join(folder, 'setup.json'))).mode & 0o777).toBe(0o600);
  await claim(await open());
  expect((await open()).setup).toBeUndefined();
  expect(existsSync(join(folder, 'setup.json'))).toBe(false);
  await rm(join(folder, 'users.json'));
  expect((await open()).setup?.code).not.toBe(code);
});

test('reset-password creates a new setup code, with and without an owner', async () => {
  const first = (await open()).setup?.code;
  expect(await forgetOwner(folder)).toBe(false);
  const second = (await open()).setup?.code;
  expect(second).not.toBe(first);
  await claim(await open());
  expect(await forgetOwner(folder)).toBe(true);
  const third = (await open()).setup?.code;
  expect(third).toMatch(/^.{4}-.{4}$/);
  expect(third).not.toBe(second);
});

test('a box that cannot be claimed over HTTP rejects the right code, too', async () => {
  const accounts = await Accounts.open({ dataDir: folder, clock, log: silentLogger, isClaimable: () => false });
  expect(accounts.mayClaim).toBe(false);
  expect(accounts.setup).toBeUndefined();
  const { code } = (await readSetup(folder)) ?? {};
  await expect(accounts.claim(PASSWORD, code, HOME)).rejects.toThrow('run perch claim on the box itself');
});

test('a local claim is accepted by a running box, and ends old sessions permanently', async () => {
  const old = await claim(await open());
  await rm(join(folder, 'users.json'));
  const accounts = await open();
  const stop = accounts.awaitOwner();
  await writeClaim(folder, 'grey heron');
  await until(clock, () => accounts.owner !== undefined && !existsSync(join(folder, 'claim.json')));
  stop();
  expect(await accounts.verify('owner', 'grey heron', HOME.ip)).toBe(true);
  expect(accounts.setup).toBeUndefined();
  expect((await open()).sessionUser(old)).toBeUndefined();
});

test('without a local claim the check of each second starts no file operation', async () => {
  const ticks: (() => void)[] = [];
  const every = (ms: number, tick: () => void) => {
    ticks.push(tick);
    return clock.every(ms, tick);
  };
  const { monoMs, wallMs, idleMs } = clock;
  const watched = {
    monoMs,
    wallMs,
    idleMs,
    every,
    sleep: clock.sleep.bind(clock),
    eachSecond: clock.eachSecond.bind(clock),
  };
  const accounts = await Accounts.open({ dataDir: folder, clock: watched, log: silentLogger });
  const stop = accounts.awaitOwner();
  const fileOperations = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('FSReq'));
  const before = fileOperations();
  for (const tick of ticks) {
    tick();
  }
  expect(ticks).not.toEqual([]);
  expect(fileOperations()).toEqual(before);
  stop();
});

test('a local claim from before the start is accepted at the start', async () => {
  await writeClaim(folder, PASSWORD);
  expect((await open()).owner).toBe('owner');
});

test('a local claim that can be neither read nor removed is ignored', async () => {
  await mkdir(join(folder, 'claim.json', 'in the way'), { recursive: true });
  expect((await open()).owner).toBeUndefined();
});

test('a local claim changes nothing on a box with an owner', async () => {
  const accounts = await open();
  await claim(accounts);
  await writeClaim(folder, 'grey heron');
  const restarted = await open();
  expect(existsSync(join(folder, 'claim.json'))).toBe(false);
  expect(await restarted.verify('owner', PASSWORD, HOME.ip)).toBe(true);
});

test.for(['', '{', '{}', '{"password":"blue heron"}', '[1]'])(
  'a local claim %j is removed without setting an owner',
  async (text) => {
    await writeFile(join(folder, 'claim.json'), text);
    expect((await open()).owner).toBeUndefined();
    expect(existsSync(join(folder, 'claim.json'))).toBe(false);
  },
);

test("a login ends the browser's previous session", async () => {
  const accounts = await open();
  const old = await claim(accounts);
  const token = await accounts.logIn('owner', PASSWORD, HOME, old);
  expect(token).not.toBe(old);
  expect(accounts.sessionUser(old)).toBeUndefined();
  expect(accounts.sessionUser(token)).toBe('owner');
  await accounts.logOut(token);
  expect(accounts.sessionUser(token)).toBeUndefined();
});

test('ten wrong passwords block their address for ten minutes, and no other', async () => {
  const accounts = await open();
  await claim(accounts);
  for (let i = 0; i < 10; i += 1) {
    await expect(accounts.logIn('owner', `wrong ${i}`, AWAY)).rejects.toThrow('wrong password');
  }
  await expect(accounts.logIn('owner', PASSWORD, AWAY)).rejects.toThrow('10 wrong attempts');
  await expect(accounts.logIn('owner', PASSWORD, HOME)).resolves.toHaveLength(43);
});

test('an unknown name is rejected like a wrong password', async () => {
  const accounts = await open();
  await expect(accounts.logIn('owner', PASSWORD, HOME)).rejects.toThrow('has no owner yet');
  await claim(accounts);
  await expect(accounts.logIn('root', PASSWORD, HOME)).rejects.toThrow('wrong password');
  expect(await accounts.verify('root', '', HOME.ip)).toBe(false);
});

test('sessions of a former owner, whose users file was removed, are invalid for the next', async () => {
  const old = await claim(await open());
  await rm(join(folder, 'users.json'));
  const accounts = await open();
  expect(accounts.sessionUser(old)).toBeUndefined();
  const token = await claim(accounts, 'grey heron');
  expect(accounts.sessionUser(old)).toBeUndefined();
  expect((await open()).sessionUser(old)).toBeUndefined();
  expect((await open()).sessionUser(token)).toBe('owner');
});

test('concurrent requests of one player cost one attempt and one hash', async () => {
  const accounts = await open();
  await claim(accounts);
  const answers = await Promise.all(Array.from({ length: 40 }, () => accounts.verify('owner', PASSWORD, AWAY.ip)));
  expect(new Set(answers)).toEqual(new Set([true]));
  const wrong = await Promise.all(Array.from({ length: 40 }, () => accounts.verify('owner', 'wrong', AWAY.ip)));
  expect(new Set(wrong)).toEqual(new Set([false]));
});

test('a damaged users file locks the box: no claim, no login, no setup code', async () => {
  await writeFile(join(folder, 'users.json'), '{"users":[{"name":"owner"}]}');
  const accounts = await open();
  expect(accounts.setup).toBeUndefined();
  await expect(accounts.claim(PASSWORD, undefined, HOME)).rejects.toThrow('already has an owner');
  await expect(accounts.logIn('owner', PASSWORD, HOME)).rejects.toThrow('no login works');
  expect(accounts.person('owner')).toBeUndefined();
});
