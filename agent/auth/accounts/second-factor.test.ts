import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { secretOfUri } from '../../../test/support/clients/authenticator-app.ts';
import { silentLogger } from '../../base/log.ts';
import { SecondFactor, totpCode } from './second-factor.ts';
import { SecretKey } from './secret-key.ts';

let folder = '';
let clock = new FakeClock();
const file = () => join(folder, 'second-factor.json');
const open = async () => SecondFactor.open(folder, await SecretKey.open(folder, silentLogger), clock, silentLogger);
async function setUp(factor: SecondFactor) {
  const { uri, setup } = factor.begin('owner');
  const secret = secretOfUri(uri);
  const now = () => totpCode(secret, Math.floor(clock.wallMs() / 30_000));
  const recovery = await factor.confirm(now(), setup);
  return { now, recovery };
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-factor-'));
  clock = new FakeClock();
});
afterEach(() => rm(folder, { recursive: true, maxRetries: 10 }));

test('the first code of the app ends the setup, and later codes are accepted once, also after a restart', async () => {
  const factor = await open();
  expect(factor.id).toBeUndefined();
  const { now } = await setUp(factor);
  expect(factor.id).toBeDefined();
  expect(await factor.accept(now())).toBe(false);
  await clock.advance(30_000);
  const code = now();
  expect(await Promise.all([factor.accept(`${code.slice(0, 3)} ${code.slice(3)}`), factor.accept(code)])).toEqual([
    true,
    false,
  ]);
  const next = await open();
  expect(await next.accept(code)).toBe(false);
  await clock.advance(30_000);
  expect(await next.accept(now())).toBe(true);
});

test('a wrong code does not end the setup, and fifteen minutes do', async () => {
  const factor = await open();
  const { setup } = factor.begin('owner');
  expect(setup).not.toContain(secretOfUri(factor.begin('owner').uri).toString('base64url'));
  await expect(factor.confirm('000000', setup)).rejects.toThrow('wrong code');
  await expect(factor.confirm('000000', `${setup}A`)).rejects.toThrow('start again');
  expect((await open()).id).toBeUndefined();
  await clock.advance(15 * 60_000 + 1);
  await expect(factor.confirm('000000', setup)).rejects.toThrow('start again');
});

test('each of ten recovery codes is accepted once', async () => {
  const factor = await open();
  const { recovery } = await setUp(factor);
  expect(new Set(recovery).size).toBe(10);
  const [first = '', second = ''] = recovery;
  expect(first).toMatch(/^[a-km-np-z2-9]{5}-[a-km-np-z2-9]{5}$/);
  expect(await factor.accept(first.toUpperCase().replace('-', ' '))).toBe(true);
  expect(await (await open()).accept(first)).toBe(false);
  expect(await (await open()).accept(second)).toBe(true);
  expect((await open()).recoveryLeft).toBe(8);
});

test('no file shows the secret or a recovery code', async () => {
  const factor = await open();
  const { uri, setup } = factor.begin('owner');
  const secret = secretOfUri(uri);
  const recovery = await factor.confirm(totpCode(secret, Math.floor(clock.wallMs() / 30_000)), setup);
  const text = await readFile(file(), 'utf8');
  for (const hidden of [secret.toString('base64url'), secret.toString('hex'), ...recovery]) {
    expect(text).not.toContain(hidden);
  }
  expect((await stat(file())).mode & 0o777).toBe(0o600);
});

test('without its key the recovery codes still work', async () => {
  const { now, recovery } = await setUp(await open());
  await rm(join(folder, 'secret.json'));
  await clock.advance(30_000);
  const factor = await open();
  expect(await factor.accept(now())).toBe(false);
  expect(await factor.accept(recovery[0] ?? '')).toBe(true);
});

test('a damaged file accepts no code, and is removed with the password', async () => {
  const { recovery } = await setUp(await open());
  await writeFile(file(), '{"id":');
  const factor = await open();
  expect(factor.id).toBeDefined();
  expect(await factor.accept(recovery[0] ?? '')).toBe(false);
  expect(await SecondFactor.exists(folder)).toBe(true);
  await SecondFactor.forget(folder);
  expect((await open()).id).toBeUndefined();
  expect(await SecondFactor.exists(folder)).toBe(false);
});

test('another app replaces the first, and recovery codes and known browsers stay', async () => {
  const factor = await open();
  const { now, recovery } = await setUp(factor);
  const { id } = factor;
  const next = await setUp(factor);
  expect([next.recovery, factor.id, factor.recoveryLeft]).toEqual([[], id, 10]);
  await clock.advance(30_000);
  expect(await factor.accept(now())).toBe(false);
  expect(await factor.accept(next.now())).toBe(true);
  expect(await factor.accept(recovery[0] ?? '')).toBe(true);
});

test('new recovery codes replace the earlier ones', async () => {
  const factor = await open();
  await expect(factor.renewRecovery()).rejects.toThrow('there is no second factor');
  const { recovery } = await setUp(factor);
  const next = await factor.renewRecovery();
  expect(next).toHaveLength(10);
  expect(await factor.accept(recovery[0] ?? '')).toBe(false);
  expect(await factor.accept(next[0] ?? '')).toBe(true);
});

test('removed, it asks for nothing', async () => {
  const factor = await open();
  await setUp(factor);
  await factor.remove();
  expect((await open()).id).toBeUndefined();
});
