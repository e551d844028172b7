import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { hashPassword } from '../../auth/passwords/password-hash.ts';
import { createLogger } from '../../base/log.ts';
import type { Migration } from '../../config/file/migrations.ts';
import { ConfigStore } from '../../config/store/store.ts';
import { Backups, restoreStaged } from './backup.ts';

/** Form 1 had another word for `logLevel`, form 2 wrote that of `readTimeout` in seconds. */
const OLD = '# mine\nlogDetail: warn\nreadSeconds: 7\npaths:\n  door:\n';
const toForm2: Migration = (text) => text.replace(/^logDetail:/m, 'logLevel:');
const toForm3: Migration = (text) => text.replace(/^readSeconds: (\d+)$/m, 'readTimeout: $1s');
const BOTH = [toForm2, toForm3];
const NEW = '# mine\nlogLevel: warn\nreadTimeout: 7s\npaths:\n  door:\n';

let dataDir: string;
let file: string;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'perch-forms-'));
  file = join(dataDir, 'perch.yml');
  const password = await hashPassword('a heron by the lake');
  writeFileSync(join(dataDir, 'users.json'), JSON.stringify({ users: [{ name: 'owner', role: 'owner', password }] }));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const log = createLogger('silent', () => {});
const text = (): string => readFileSync(file, 'utf8');

/** Start of a version with these migrations. */
async function start(migrations: readonly Migration[]) {
  await restoreStaged(dataDir, log, []);
  const store = await ConfigStore.open({
    ...{ cwd: dataDir, dataDir, env: {}, keys: KEYS, clock: new FakeClock(), log, migrations },
  });
  const backup = new Backups({
    ...{ version: 'v1.0.0', files: [], dataDir, clock: { wallMs: () => 0 }, log, store, migrations },
  });
  return { store, backup };
}

test('a newer version migrates the file of an older one, which gets its own file back after a downgrade', async () => {
  writeFileSync(file, OLD);
  const { store } = await start(BOTH);
  expect(store.current).toMatchObject({ logLevel: 'warn', readTimeoutMs: 7_000 });
  expect(text()).toBe(NEW);
  await start([toForm2]);
  expect(text()).toBe('# mine\nlogLevel: warn\nreadSeconds: 7\npaths:\n  door:\n');
  await start([]);
  expect(text()).toBe(OLD);
});

test.for([1, 2, 3])('a backup of form %i is restored in the form of the version that restores it', async (form) => {
  writeFileSync(file, OLD);
  const before = await start(BOTH.slice(0, form - 1));
  const { bytes } = await before.backup.make();
  writeFileSync(file, 'logLevel: error\n');
  const { backup } = await start(BOTH);
  expect(await backup.check(bytes)).toMatchObject({ problems: [], settings: expect.arrayContaining(['readTimeout']) });
  await backup.stage(bytes);
  const after = await start(BOTH);
  expect(after.store.current).toMatchObject({ logLevel: 'warn', readTimeoutMs: 7_000 });
  expect(text()).toBe(NEW);
});

test('a backup of a later form is rejected with the reason', async () => {
  writeFileSync(file, OLD);
  const { bytes } = await (await start(BOTH)).backup.make();
  const { backup } = await start([toForm2]);
  await expect(backup.check(bytes)).rejects.toMatchObject({ code: 'badInput', context: { why: 'laterVersion' } });
  await expect(backup.stage(bytes)).rejects.toThrow('has form 3, this Perch knows forms up to 2');
});

test('the last good file of an older version replaces an invalid one, in the current form', async () => {
  writeFileSync(file, OLD);
  await start([]);
  writeFileSync(file, 'logLevel: loud\n');
  const { store } = await start(BOTH);
  expect(store.current).toMatchObject({ logLevel: 'warn', readTimeoutMs: 7_000 });
});
