import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { silentLogger } from '../../base/log.ts';
import { Authority } from '../permissions/authorize.ts';
import { PairedServers, readServers, restoredServers } from './paired-servers.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perch-servers-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = () => PairedServers.open(folder, new FakeClock(), silentLogger);
const newKey = (): string => generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x ?? '';
const RIGHTS = { cameras: ['door'], live: true, recordings: false, talk: false } as const;
const file = () => join(folder, 'servers.json');

test('a server watches its cameras with their sub streams, and nothing else, also after a restart', async () => {
  const servers = await open();
  const { id } = await servers.add(' Office ', newKey(), RIGHTS);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  for (const now of [servers, await open()]) {
    const server = now.find(id);
    expect(server?.name).toBe('Office');
    const may = (action: string, path: string) => server?.may(action, path);
    expect(may('read', 'door') && may('read', 'door_sub')).toBe(true);
    for (const [action, path] of [
      ['read', 'yard'],
      ['read', ''],
      ['playback', 'door'],
      ['publish', 'door'],
      ['api', ''],
      ['admin', ''],
      ['api', 'door'],
      ['metrics', 'door'],
    ] as const) {
      expect([action, path, may(action, path)]).toEqual([action, path, false]);
    }
    expect(now.boxId).toBe(servers.boxId);
  }
});

test('moving cameras and switching outputs are rights of their own, which a pairing of an earlier version does not have', async () => {
  const servers = await open();
  const { id } = await servers.add('Office', newKey(), { ...RIGHTS, turn: true });
  const given = (now: PairedServers, path = 'door') =>
    ['talk', 'turn', 'switch', 'settings'].filter((action) => now.find(id)?.may(action, path));
  expect([given(servers), given(servers, 'yard')]).toEqual([['turn'], []]);
  expect(servers.item(id)).toMatchObject({ talk: false, turn: true, switch: false });
  const changes: string[] = [];
  servers.onReduced((changed) => changes.push(changed));
  await servers.change(id, { turn: false, switch: true });
  expect([given(servers), given(await open()), changes]).toEqual([['switch'], ['switch'], [id]]);
  await servers.change(id, { live: false, recordings: true });
  expect(given(servers)).toEqual([]);
  const stored = JSON.parse(readFileSync(file(), 'utf8'));
  await servers.change(id, { settings: true });
  expect([given(servers), given(servers, 'yard'), servers.find(id)?.may('settings', '')]).toEqual([
    ['settings'],
    [],
    false,
  ]);
  const [{ turn: _, switch: __, settings: ___, ...former }] = stored.servers;
  writeFileSync(file(), JSON.stringify({ ...stored, servers: [{ ...former, live: true }] }));
  const later = await open();
  expect([given(later), later.item(id)?.switch]).toEqual([[], false]);
});

test('a server gets neither what is open to anyone nor what other credentials in its request permit', async () => {
  const servers = await open();
  const { id } = await servers.add('Office', newKey(), RIGHTS);
  const anyone = {
    user: 'any',
    pass: '',
    ips: [],
    permissions: (['read', 'publish', 'playback', 'api', 'metrics', 'pprof'] as const).map((action) => ({
      action,
      path: '',
    })),
  };
  const owners = {
    owner: 'owner',
    verify: async () => true,
    person: () => ({ name: 'owner', role: 'owner', may: () => true }) as const,
  };
  const authority = new Authority(
    owners,
    { isOwn: false, internalUsers: [anyone] },
    { clock: new FakeClock(), log: silentLogger, servers },
  );
  const identity = {
    ip: '127.0.0.1',
    isLoopback: true,
    isPrivate: true,
    user: 'owner',
    password: 'x',
    sessionUser: 'owner',
  };
  const allows = async (action: 'read' | 'playback' | 'publish' | 'api' | 'admin' | 'metrics', path: string) =>
    (await authority.authorize(action, path, { ...identity, server: id })).allowed;
  expect(await allows('read', 'door')).toBe(true);
  expect(await authority.authorize('read', 'door', { ...identity, server: id })).toMatchObject({
    user: `server:${id}`,
  });
  expect((await authority.authorize('api', '', identity)).allowed).toBe(true);
  for (const action of ['api', 'admin', 'metrics', 'publish', 'playback'] as const) {
    expect([action, await allows(action, 'door')]).toEqual([action, false]);
  }
  expect(await allows('read', 'yard')).toBe(false);
  await servers.remove(id);
  expect(await allows('read', 'door')).toBe(false);
});

test('changes and revocations are announced, and a revoked server does not come back with a restore', async () => {
  const servers = await open();
  const { id } = await servers.add('Office', newKey(), RIGHTS);
  const before = readServers(JSON.parse(readFileSync(file(), 'utf8')));
  const reduced: unknown[] = [];
  servers.onReduced((...one) => reduced.push(one));
  expect(await servers.change(id, { cameras: 'all' })).toMatchObject({ cameras: 'all', live: true, recordings: false });
  expect(await servers.remove(id)).toBe(true);
  expect(await servers.remove(id)).toBe(false);
  expect(await servers.change(id, { live: false })).toBeUndefined();
  expect(reduced).toEqual([
    [id, false],
    [id, true],
  ]);
  expect(servers.keyOf(id)).toBeUndefined();
  const now = readServers(JSON.parse(readFileSync(file(), 'utf8')));
  expect(before && restoredServers(before, now).servers).toEqual([]);
});

test.for(['', `${newKey()}=`, newKey().slice(1), `${newKey()}AAAA`])("'%s' is no key of a server", async (key) => {
  await expect((await open()).add('Office', key, RIGHTS)).rejects.toThrow(/Ed25519/);
});

test.for(['{', '[]', '{"box":"0123456789abcdef","servers":[{}],"revoked":[]}', '{"servers":[],"revoked":[]}'])(
  'the damaged file %s is put aside and pairs no one',
  async (text) => {
    writeFileSync(file(), text);
    const servers = await open();
    expect(servers.list()).toEqual([]);
    expect(readFileSync(`${file()}.damaged`, 'utf8')).toBe(text);
    await servers.add('Office', newKey(), RIGHTS);
    expect((await open()).list()).toHaveLength(1);
  },
);

test('that the signatures of a server name the box stays known after a restart, a change of its rights and a restore', async () => {
  const before = await open();
  const [{ id }, other] = [await before.add('Office', newKey(), RIGHTS), await before.add('Shed', newKey(), RIGHTS)];
  const backup = readServers(JSON.parse(readFileSync(file(), 'utf8')));
  before.noteNamesBox(id);
  await before.change(id, { cameras: 'all' });
  const now = await open();
  expect([now.namesBox(id), now.namesBox(other.id)]).toEqual([true, false]);
  const kept = readServers(JSON.parse(readFileSync(file(), 'utf8')));
  writeFileSync(file(), JSON.stringify(backup && restoredServers(backup, kept)));
  const restored = await open();
  expect([restored.namesBox(id), restored.namesBox(other.id)]).toEqual([true, false]);
});
