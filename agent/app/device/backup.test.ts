import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { PASSWORD, type RestartingHarness } from '../../../test/support/base/restarting-harness.ts';
import { secretOfUri } from '../../../test/support/clients/authenticator-app.ts';
import { CONFIG, changed, done, open, viewer } from '../../../test/support/harness/backups.ts';
import { totpCode } from '../../auth/accounts/second-factor.ts';

const RANGE = { path: 'door', start: '2026-11-01T12:00:00Z', end: '2026-11-01T12:01:00Z' };

const until = () => new Date(Date.now() + 86_400_000).toISOString();
async function guestToken(box: RestartingHarness, note: string): Promise<string> {
  const made = await done(box, 'POST', 'guests', { paths: 'all', live: true, until: until(), note });
  return (made as { token: string }).token;
}

const statusOf = async (box: RestartingHarness, method: string, path: string, body?: object): Promise<number> => {
  const { cookie } = box;
  const { status } = await box.ask(method, path, body, { cookie: '' });
  box.cookie = cookie;
  return status;
};

test('a restore recovers cameras, people, links, layouts and protections, and keeps later protections', async () => {
  const box = await open();
  await done(box, 'POST', 'users', viewer('ann'));
  await done(box, 'POST', 'users', viewer('eve'));
  const link = await guestToken(box, 'the neighbour');
  await done(box, 'POST', 'recordings/protect', { ...RANGE, note: 'the parcel' });
  await done(box, 'POST', 'layouts/replace/Indoors', { kind: 'group', cameras: [{ path: 'hall' }] });
  const backup = await box.backup();

  await done(box, 'DELETE', 'layouts/delete/Indoors');
  await done(box, 'DELETE', 'config/paths/delete/door');
  await done(box, 'POST', 'config/paths/add/gate', { source: 'publisher', camera: { name: 'Gate' } });
  await done(box, 'PATCH', 'config/global/patch', { logLevel: 'warn' });
  await done(box, 'PATCH', 'users/eve', { cameras: ['hall'], recordings: false });
  await done(box, 'DELETE', 'users/ann');
  await done(box, 'POST', 'users', viewer('bob'));
  const newer = await guestToken(box, 'another one');
  const { items } = (await box.ask('GET', 'recordings/protected')).body as { items: { id: string }[] };
  await done(box, 'DELETE', `recordings/protect/${items[0]?.id}`);
  await done(box, 'POST', 'config/paths/add/shed', { source: 'publisher' });
  await done(box, 'PATCH', 'config/paths/patch/hall', { maxReaders: 3 });
  const fox = { ...RANGE, path: 'shed', note: 'the fox' };
  // A path is made a moment after it was added.
  await expect.poll(async () => (await box.ask('POST', 'recordings/protect', fox)).status).toBe(200);

  const plan = await box.ask('POST', 'restore/check', backup);
  expect(plan.body).toMatchObject({
    ...{ version: 'v0.0.0', links: { added: 0, removed: 1, same: 1 }, settings: ['logLevel'], problems: [] },
    cameras: {
      added: [{ path: 'door', title: 'Front door' }],
      removed: [
        { path: 'gate', title: 'Gate' },
        { path: 'shed', title: null },
      ],
      ...{ changed: [{ path: 'hall', title: null }], same: 1 },
    },
    people: { added: ['ann'], removed: ['bob'], changed: ['eve'], same: ['owner'] },
  });
  expect(await box.ask('POST', 'restore', backup)).toMatchObject({
    status: 200,
    body: { status: 'ok', seconds: expect.any(Number) },
  });
  await box.restarted();

  expect(box.files()['config']).toContain('# at the front');
  // The owner is still logged in.
  const { body: users } = await box.ask('GET', 'users');
  expect((users as { items: { name: string }[] }).items.map(({ name }) => name)).toEqual(['owner', 'ann', 'eve']);
  expect((await box.ask('GET', 'layouts/list')).body).toMatchObject({ items: [{ name: 'Indoors', kind: 'group' }] });
  const { body: kept } = await box.ask('GET', 'recordings/protected');
  expect((kept as { items: { note: string }[] }).items.map(({ note }) => note).sort()).toEqual([
    'the fox',
    'the parcel',
  ]);
  expect(await statusOf(box, 'POST', 'guest', { token: link })).toBe(200);
  expect(await statusOf(box, 'POST', 'guest', { token: newer })).toBe(401);
  expect(await statusOf(box, 'POST', 'session', { user: 'ann', password: 'password of ann' })).toBe(200);
  expect(await statusOf(box, 'POST', 'session', { user: 'bob', password: 'password of bob' })).toBe(401);
});

test('a device password revoked after the backup stays revoked, and the others are restored', async () => {
  const box = await open();
  const made = async (name: string) =>
    (await done(box, 'POST', 'devicepasswords', { name, live: true })) as {
      id: string;
      user: string;
      password: string;
    };
  const [tv, recorder] = [await made('TV'), await made('Recorder')];
  const backup = await box.backup();
  await done(box, 'DELETE', `devicepasswords/${tv.id}`);
  await made('Tablet');
  const later = await box.backup();
  expect(await done(box, 'POST', 'restore/check', backup)).toMatchObject({
    devicePasswords: { added: 0, removed: 1, same: 1 },
  });
  await done(box, 'POST', 'restore', backup);
  await box.restarted();
  expect(await done(box, 'POST', 'restore/check', later)).toMatchObject({
    devicePasswords: { added: 1, removed: 0, same: 1 },
  });
  const { items } = (await done(box, 'GET', 'devicepasswords')) as { items: { user: string }[] };
  expect(items.map(({ user }) => user)).toEqual([recorder.user]);
  const opens = async ({ user, password }: { user: string; password: string }) => {
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    return (await box.ask('GET', 'devicepasswords', undefined, { cookie: '', authorization })).status;
  };
  // The login is valid, but the right is missing.
  expect([await opens(tv), await opens(recorder)]).toEqual([401, 401]);
});

test('a change of the defaults is reported as a setting, not for each camera', async () => {
  const box = await open();
  const backup = await box.backup();
  await done(box, 'PATCH', 'config/pathdefaults/patch', { recordDeleteAfter: '3d' });
  await done(box, 'PATCH', 'config/paths/patch/hall', { maxReaders: 3 });
  expect((await box.ask('POST', 'restore/check', backup)).body).toMatchObject({
    settings: ['pathDefaults.recordDeleteAfter'],
    cameras: { added: [], removed: [], changed: [{ path: 'hall' }], same: 2 },
  });
});

test('users with another password in the backup must log in again, and the previous state can be restored', async () => {
  const box = await open();
  const backup = await box.backup();
  await done(box, 'POST', 'session/password', { oldPassword: PASSWORD, newPassword: 'a newer one of mine' });
  const plan = await box.ask('POST', 'restore/check', backup);
  expect(plan.body).toMatchObject({ people: { changed: ['owner'], same: [] } });
  await box.ask('POST', 'restore', backup);
  await box.restarted();
  expect((await box.ask('GET', 'users')).status).toBe(401);
  await done(box, 'POST', 'session', { password: PASSWORD });
  const former = readFileSync(join(box.dataDir, 'before-restore.perchbackup'));
  await box.ask('POST', 'restore', former);
  await box.restarted();
  expect(await statusOf(box, 'POST', 'session', { password: PASSWORD })).toBe(401);
  expect(await statusOf(box, 'POST', 'session', { password: 'a newer one of mine' })).toBe(200);
});

test('a new box becomes the old one before it is claimed, and phones still trust it', async () => {
  const [old, fresh] = [
    await open({ config: `tlsAddress: 127.0.0.1:0\n${CONFIG}` }),
    await open({ isUnclaimed: true }),
  ];
  const backup = await old.backup();
  const code = { 'Perch-Setup-Code': fresh.setupCode ?? '' };
  expect((await fresh.ask('GET', 'backup')).status).toBe(401);
  expect((await fresh.ask('POST', 'restore/check', backup, code)).body).toMatchObject({ people: { added: ['owner'] } });
  expect((await fresh.ask('POST', 'restore', backup, code)).status).toBe(200);
  await fresh.restarted();
  expect(fresh.setupCode).toBeUndefined();
  expect((await fresh.ask('POST', 'restore/check', backup, code)).status).toBe(401);
  expect((await fresh.ask('POST', 'claim', { password: PASSWORD, setupCode: code['Perch-Setup-Code'] })).status).toBe(
    400,
  );
  expect((await fresh.ask('POST', 'session', { password: PASSWORD })).status).toBe(200);
  const authority = (box: RestartingHarness) => readFileSync(join(box.dataDir, 'tls/authority.pem'), 'utf8');
  const keyOf = (text: string) => /-----BEGIN PRIVATE KEY-----[^-]+/.exec(text)?.[0];
  expect(keyOf(authority(fresh))).toBe(keyOf(authority(old)));
  expect(await (await fresh.ask('GET', 'config/paths/get/door')).status).toBe(200);
});

test('a restore keeps the second factor, unless the backup has the key of another box', async () => {
  const [old, box] = [await open(), await open()];
  const [foreign, own] = [await old.backup(), await box.backup()];
  const setup = (await done(box, 'POST', 'session/factor', { password: PASSWORD })) as {
    uri: string;
    setup: string;
  };
  const code = totpCode(secretOfUri(setup.uri), Math.floor(Date.now() / 30_000));
  await done(box, 'POST', 'session/factor/confirm', { code, setup: setup.setup });
  expect(gunzipSync(await box.backup()).toString()).not.toContain('second-factor');
  const answer = async () => {
    const { cookie } = box;
    box.cookie = '';
    const { status, body } = await box.ask('POST', 'session', { password: PASSWORD });
    box.cookie = cookie;
    return [status, (body as { why?: string }).why];
  };
  await done(box, 'POST', 'restore', own);
  await box.restarted();
  expect(await answer()).toEqual([401, 'codeNeeded']);
  await done(box, 'POST', 'session', { password: PASSWORD });
  await done(box, 'POST', 'restore', foreign);
  await box.restarted();
  expect(await answer()).toEqual([200, undefined]);
});

test.for<[string, Record<string, string>]>([
  ['on the box itself', {}],
  ['through a proxy that is trusted', { 'X-Forwarded-For': '203.0.113.9' }],
  ['by localhost as Host', { Host: 'localhost' }],
])('%s nothing is restored without the setup code', async ([, headers]) => {
  const box = await open({ isUnclaimed: true, config: 'trustedProxies: [127.0.0.1]\n' });
  const backup = await (await open()).backup();
  const before = box.files();
  for (const path of ['restore', 'restore/check']) {
    expect((await box.ask('POST', path, backup, headers)).body).toMatchObject({
      error: expect.stringContaining('setup code is needed'),
    });
    expect((await box.ask('POST', path, backup, { ...headers, 'Perch-Setup-Code': 'AAAABBBB' })).status).toBe(401);
  }
  const right = { ...headers, 'Perch-Setup-Code': box.setupCode ?? '' };
  const foreign = { Origin: 'http://evil.example', 'Sec-Fetch-Site': 'cross-site' };
  expect((await box.ask('POST', 'restore', backup, { ...right, ...foreign })).status).toBe(401);
  expect(box.files()).toEqual(before);
  expect((await box.ask('POST', 'restore/check', backup, right)).status).toBe(200);
});

test('a revoked guest link stays revoked, whichever backup is restored', async () => {
  const box = await open();
  const [gone, kept] = [await guestToken(box, 'gone'), await guestToken(box, 'kept')];
  const backup = await box.backup();
  const { items } = (await box.ask('GET', 'guests')).body as { items: { id: string; note: string }[] };
  const { id = '' } = items.find(({ note }) => note === 'gone') ?? {};
  await done(box, 'DELETE', `guests/${id}`);
  const without = changed(backup, (one) => {
    one.members = one.members.filter(({ name }) => name !== 'guests.json');
  });
  for (const restored of [backup, without, backup]) {
    await box.ask('POST', 'restore', restored);
    await box.restarted();
    expect(await statusOf(box, 'POST', 'guest', { token: gone })).toBe(401);
  }
  expect((await box.ask('POST', 'restore/check', backup)).body).toMatchObject({
    links: { added: 0, removed: 0, same: 1 },
  });
  expect(await statusOf(box, 'POST', 'guest', { token: kept })).toBe(200);
});
