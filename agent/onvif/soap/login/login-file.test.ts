import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { LoginFile } from './login-file.ts';
import { type LoginKey, LoginMemory, type LoginTurn } from './login-memory.ts';

const KEY: LoginKey = { camera: '10.0.0.5:80', user: 'admin', password: 'hunter2' };
const MINUTE_MS = 60_000;

const seal = (text: string): string => createHmac('sha256', 'key of this machine').update(text).digest('base64url');

function folder() {
  const dir = mkdtempSync(join(tmpdir(), 'perch-logins-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'camera-logins.json');
  const faults: string[] = [];
  const clock = new FakeClock();
  /** A run of the program. */
  const run = async (key = seal) => {
    const logins = new LoginMemory(clock);
    const kept = new LoginFile(file, logins, clock, (text) => faults.push(text));
    await kept.open(key);
    const use = async (what: 'accepted' | 'refused', login = KEY) => (await logins.turn(login))[what]();
    return { logins, kept, use };
  };
  return { file, faults, clock, run };
}

test('a program that ends and begins again does not lock an account: a wrong password is tried twice, then half an hour of peace', async () => {
  const { file, clock, run, faults } = folder();
  let tries = 0;
  for (let i = 0; i < 5; i += 1) {
    const { logins, kept, use } = await run();
    if (logins.mayTry(KEY, true)) {
      await use('refused');
      tries += 1;
    }
    await kept.close();
  }
  expect([tries, faults]).toEqual([2, []]);
  const { logins } = await run();
  expect(logins.mayTry({ ...KEY, password: 'changed' }, false)).toBe(true);
  clock.skip(30 * MINUTE_MS);
  expect((await run()).logins.mayTry(KEY, false)).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('a login that was taken is known to the next run, which lets a second channel go after 0.6 s, and all once one is taken', async () => {
  const { clock, run } = folder();
  const first = await run();
  await first.use('accepted');
  await first.kept.close();
  const { logins } = await run();
  const gone: LoginTurn[] = [];
  for (let i = 0; i < 16; i += 1) {
    logins.turn({ ...KEY, channel: `stream ${i}` }).then((turn) => gone.push(turn));
  }
  await clock.advance(600);
  expect(gone).toHaveLength(2);
  gone[0]?.accepted();
  await clock.advance(0);
  expect(gone).toHaveLength(16);
});

test('the clock for which a camera accepted a token is kept across runs; invalid numbers in the file are ignored', async () => {
  const { file, run } = folder();
  const first = await run();
  (await first.logins.turn(KEY)).accepted('token', -7_200_000);
  await first.kept.close();
  expect((await run()).logins.skewOf(KEY)).toBe(-7_200_000);
  writeFileSync(file, readFileSync(file, 'utf8').replace('-7200000', '"then"'));
  const { logins } = await run();
  expect([logins.isAccepted(KEY), logins.skewOf(KEY)]).toEqual([true, undefined]);
});

test('hosts, users and passwords cannot be read or guessed from the file: another key knows none of them', async () => {
  const { file, run } = folder();
  const { kept, use } = await run();
  await use('accepted');
  await use('refused', { ...KEY, user: 'viewer', password: 'wrong' });
  await kept.close();
  const text = readFileSync(file, 'utf8');
  for (const secret of ['10.0.0.5', 'admin', 'hunter2', 'viewer', 'wrong']) {
    expect(text).not.toContain(secret);
  }
  expect((await run()).logins.isAccepted(KEY)).toBe(true);
  expect((await run((text2) => seal(`${text2}!`))).logins.isAccepted(KEY)).toBe(false);
});

test('a channel that is the only one to reject a login is also held back in the next run', async () => {
  const { run } = folder();
  const picture = { ...KEY, channel: 'picture' };
  const first = await run();
  await first.use('accepted');
  await first.use('refused', picture);
  await first.kept.close();
  const { logins } = await run();
  expect([logins.mayTry(KEY, false), logins.mayTry(picture, false)]).toEqual([true, false]);
});

test('a lock is kept across runs; files of an earlier version are ignored', async () => {
  const { clock, run, file, faults } = folder();
  const first = await run();
  first.logins.locked(KEY, 10 * MINUTE_MS);
  await first.kept.close();
  clock.skip(4 * MINUTE_MS);
  const second = await run();
  expect(() => second.logins.check(KEY, true)).toThrow('try again in 6 min');
  await second.kept.close();
  writeFileSync(file, JSON.stringify({ version: 2, savedAtMs: 0, logins: [{ login: 'x', refusals: 4, agoMs: 0 }] }));
  expect((await run()).logins.mayTry(KEY, true)).toBe(true);
  expect(faults).toEqual([]);
});

test('a clock that was set back does not prolong a lock', async () => {
  const { clock, run } = folder();
  const first = await run();
  await first.use('refused');
  await first.use('refused');
  await first.kept.close();
  clock.stepWall(-365 * 24 * 60 * MINUTE_MS);
  const second = await run();
  expect(second.logins.mayTry(KEY, true)).toBe(false);
  clock.skip(30 * MINUTE_MS);
  expect(second.logins.mayTry(KEY, true)).toBe(true);
});

test('a damaged file is ignored with a message', async () => {
  const { file, run, faults } = folder();
  const { kept, use } = await run();
  await use('refused');
  await use('accepted', { ...KEY, password: 'b' });
  await use('refused', { ...KEY, password: 'b', channel: 'picture' });
  await kept.close();
  const bytes = readFileSync(file);
  const next = random(5);
  for (let i = 0; i < 200; i += 1) {
    writeFileSync(file, mutate(bytes, next));
    const again = await run();
    again.logins.mayTry(KEY, false);
    await again.kept.close();
  }
  expect(faults.length).toBeGreaterThan(10);
  expect(faults[0]).toMatch(/cannot read .*: rejected logins of earlier runs are unknown/);
});

test('what another process has stored meanwhile is kept', async () => {
  const { run } = folder();
  const [perch, command] = [await run(), await run()];
  await command.use('refused', { ...KEY, password: 'a' });
  await command.kept.close();
  await perch.use('refused', { ...KEY, password: 'b' });
  await perch.kept.close();
  expect(perch.logins.triesLeft(KEY)).toBe(2);
  expect((await run()).logins.triesLeft(KEY)).toBe(2);
});

test('two processes that run at once together send four wrong passwords of a user, and each password twice', async () => {
  const { run } = folder();
  const processes = [await run(), await run()];
  const sent: string[] = [];
  for (const password of ['a', 'b', 'c', 'd', 'e', 'f']) {
    for (let i = 0; i < 4; i += 1) {
      const { logins, kept } = processes[i % 2] ?? expect.fail();
      const turn = await logins.turn({ ...KEY, password }, { isInteractive: true }).catch(() => undefined);
      turn?.refused();
      await kept.saved();
      sent.push(...(turn ? [password] : []));
    }
  }
  expect(sent).toEqual(['a', 'a', 'b', 'b']);
});

test('a lock that a camera has stated to another process holds here, also after an earlier one', async () => {
  const { clock, run } = folder();
  const [perch, command] = [await run(), await run()];
  perch.logins.locked(KEY, MINUTE_MS);
  await perch.kept.saved();
  clock.skip(2 * MINUTE_MS);
  command.logins.locked(KEY, 10 * MINUTE_MS);
  await command.kept.saved();
  await expect(perch.logins.turn(KEY)).rejects.toThrow('try again in 10 min');
});

test('a password that another process has sent in vain, and that the camera accepts now, counts no more', async () => {
  const { clock, run } = folder();
  const [perch, command] = [await run(), await run()];
  await command.use('refused');
  await command.kept.saved();
  clock.skip(1_000);
  await perch.use('accepted');
  await perch.kept.saved();
  await command.use('refused', { ...KEY, password: 'b' });
  await command.kept.saved();
  await perch.use('accepted', { ...KEY, password: 'c' });
  expect([perch.logins.isAccepted(KEY), perch.logins.triesLeft(KEY)]).toEqual([true, 4]);
});
