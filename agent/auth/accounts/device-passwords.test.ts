import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { random } from '../../../test/support/base/random.ts';
import { silentLogger } from '../../base/log.ts';
import { DevicePasswords, readDevices, restoredDevices } from './device-passwords.ts';
import { SecretKey } from './secret-key.ts';

let folder = '';
const file = () => join(folder, 'device-passwords.json');
const open = async () =>
  DevicePasswords.open(folder, await SecretKey.open(folder, silentLogger), new FakeClock(), silentLogger);
const REQUEST = {
  name: 'Frigate',
  paths: ['door'],
  live: true,
  recordings: false,
  publish: false,
  onvif: false,
} as const;
/** No user has the name. */
const noneTaken = () => false;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-devices-'));
});
afterEach(() => rm(folder, { recursive: true, maxRetries: 10 }));

test('a device password is generated and grants its rights, also after a restart', async () => {
  const { item, password } = await (await open()).add(REQUEST, noneTaken);
  expect(password).toMatch(/^[a-km-np-z2-9]{4}(-[a-km-np-z2-9]{4}){3}$/);
  expect(item).toMatchObject({ name: 'Frigate', user: 'frigate', paths: ['door'] });
  const device = (await open()).find('frigate');
  expect(device?.isRight({ password })).toBe(true);
  expect(device?.isRight({ proves: (known) => known === password })).toBe(true);
  expect(device?.isRight({ password: `${password}x` })).toBe(false);
  expect(device?.isRight({ proves: (known) => known === 'x' })).toBe(false);
  expect(device?.isRight({})).toBe(false);
});

test.for([
  [{}, ['read door', 'read door_sub']],
  [{ recordings: true }, ['read door', 'read door_sub', 'playback door', 'playback door_sub']],
  [{ live: false, publish: true }, ['publish door', 'publish door_sub']],
  [{ live: false, onvif: true }, ['read door', 'read door_sub', 'onvif door', 'onvif door_sub']],
  [{ paths: 'all' as const }, ['read door', 'read door_sub', 'read yard']],
] as const)('a device with %j may %j', async ([rights, expected]) => {
  const devices = await open();
  await devices.add({ ...REQUEST, ...rights }, noneTaken);
  const device = devices.find('frigate');
  const actions = ['read', 'publish', 'playback', 'api', 'metrics', 'pprof', 'admin', 'onvif'];
  const asked = actions.flatMap((action) => ['door', 'door_sub', 'yard', ''].map((path) => [action, path] as const));
  const allowed = asked.filter(([action, path]) => device?.may(action, path)).map((words) => words.join(' '));
  expect(allowed).toEqual(expected);
  expect(asked.filter(([action, path]) => devices.anyMay(action, path)).map((words) => words.join(' '))).toEqual(
    expected,
  );
});

test('no file contains a device password', async () => {
  const { password } = await (await open()).add(REQUEST, noneTaken);
  const text = await readFile(file(), 'utf8');
  expect(text).not.toContain(password);
  expect(text).not.toContain(Buffer.from(password).toString('base64url'));
  expect((await stat(file())).mode & 0o777).toBe(0o600);
});

test('rights edited in the file grant nothing', async () => {
  const { password } = await (await open()).add(REQUEST, noneTaken);
  const text = await readFile(file(), 'utf8');
  const stored = JSON.parse(text);
  for (const change of [{ publish: true }, { paths: 'all' }, { user: 'other' }, { name: 'Other' }, { created: 1 }]) {
    await writeFile(file(), JSON.stringify({ ...stored, devices: [{ ...stored.devices[0], ...change }] }));
    const devices = await open();
    const user = 'user' in change ? change.user : 'frigate';
    expect([change, devices.find(user)?.isRight({ password })]).toEqual([change, false]);
  }
});

test('with another secret.json no device password is valid', async () => {
  const { password } = await (await open()).add(REQUEST, noneTaken);
  await rm(join(folder, 'secret.json'));
  const devices = await open();
  expect(devices.find('frigate')?.isRight({ password })).toBe(false);
  expect(devices.list()).toHaveLength(1);
});

test('a revoked password grants nothing, and an older backup does not restore it', async () => {
  const devices = await open();
  const { item } = await devices.add(REQUEST, noneTaken);
  await devices.add({ ...REQUEST, name: 'TV' }, noneTaken);
  const backup = readDevices(JSON.parse(await readFile(file(), 'utf8')));
  expect((await devices.remove(item.id))?.user).toBe('frigate');
  expect(await devices.remove(item.id)).toBeUndefined();
  expect([devices.find('frigate'), (await open()).find('frigate')]).toEqual([undefined, undefined]);
  const kept = readDevices(JSON.parse(await readFile(file(), 'utf8')));
  if (!backup) {
    throw new Error('no backup');
  }
  const restored = restoredDevices(backup, kept);
  expect(restored.devices.map(({ user }) => user)).toEqual(['tv']);
  expect(restored.revoked).toEqual([item.id]);
  // A restore that is cut off is done again.
  expect(restoredDevices(backup, restored)).toEqual(restored);
  expect(restoredDevices(backup, undefined).devices.map(({ user }) => user)).toEqual(['frigate', 'tv']);
});

test.for([
  ['Frigate', 'frigate'],
  ['  Küche: TV!  ', 'kuche-tv'],
  ['客厅电视', 'device'],
  ['any', 'any-2'],
  ['owner', 'owner-2'],
  ['A very long name that noneTaken types', 'a-very-long-name-that-no'],
] as const)("the device '%s' logs in as %s", async ([name, user]) => {
  const devices = await open();
  const { item } = await devices.add({ ...REQUEST, name }, (one) => one === 'owner');
  expect(item.user).toBe(user);
  const { item: second } = await devices.add({ ...REQUEST, name }, (one) => one === 'owner');
  expect(second.user).not.toBe(user);
  expect(devices.list().map(({ user: one }) => one)).toEqual([second.user, user]);
});

test('two devices added concurrently get different names', async () => {
  const devices = await open();
  const made = await Promise.all([1, 2, 3].map(() => devices.add(REQUEST, noneTaken)));
  expect(made.map(({ item }) => item.user)).toEqual(['frigate', 'frigate-2', 'frigate-3']);
});

test('the 101st device password is rejected', async () => {
  const devices = await open();
  await Promise.all(Array.from({ length: 100 }, () => devices.add(REQUEST, noneTaken)));
  await expect(devices.add(REQUEST, noneTaken)).rejects.toThrow('there are 100 device passwords, which is the limit');
});

test('an empty name is rejected', async () => {
  await expect((await open()).add({ ...REQUEST, name: '  ' }, noneTaken)).rejects.toThrow('has 1 to 64 characters');
});

test('a damaged file grants nothing and stops nothing', async () => {
  const whole = await open();
  expect(whole.fault).toBeUndefined();
  await whole.add(REQUEST, noneTaken);
  const good = await readFile(file());
  await writeFile(file(), '{');
  expect((await open()).fault).toMatchObject({ file: file(), why: 'damaged' });
  const next = random(7);
  for (let i = 0; i < 200; i += 1) {
    const bytes = Buffer.from(good);
    bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
    await writeFile(file(), bytes);
    const devices = await open();
    expect(devices.find('frigate')?.isRight({ password: 'aaaa-aaaa-aaaa-aaaa' }) ?? false).toBe(false);
  }
});
