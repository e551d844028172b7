import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import files from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { hashPassword, type PasswordHash } from '../../auth/passwords/password-hash.ts';
import { createLogger } from '../../base/log.ts';
import { parseConfig } from '../../config/load/load.ts';
import { Backups } from './backup.ts';

const CONFIG = 'paths:\n  door:\n';
const LAYOUTS = JSON.stringify({ layouts: [] });
let password: PasswordHash;
beforeAll(async () => {
  password = await hashPassword('a heron by the lake');
});

interface Files {
  readonly text?: string;
  /** Name of the configuration file, in the data folder. */
  readonly file?: string;
  readonly users?: string;
  readonly layouts?: string;
}

function open({ text = CONFIG, file, users, layouts = LAYOUTS }: Files = {}) {
  const dataDir = mkdtempSync(join(tmpdir(), 'perch-damage-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const owner = JSON.stringify({ users: [{ name: 'owner', role: 'owner', password }] });
  writeFileSync(join(dataDir, 'users.json'), users ?? owner);
  writeFileSync(join(dataDir, 'layouts.json'), layouts);
  const log: string[] = [];
  const check = (one: string) =>
    parseConfig(one, 'perch.yml', {}, { recordPath: '/rec/%path/%s-%f', cwd: '/', keys: KEYS });
  const { config } = check(CONFIG);
  if (!config) {
    throw new Error('the configuration of the test is wrong');
  }
  const backup = new Backups({
    ...{ version: 'v0.0.0', files: [], dataDir, clock: { wallMs: () => 0 } },
    log: createLogger('info', (line) => log.push(line)),
    store: {
      ...{
        refresh: async () => ({ text, tag: '' }),
        textInForce: text,
        current: config,
        check,
        seal: async (one) => one,
      },
      file: file === undefined ? undefined : join(dataDir, file),
    },
  });
  return { dataDir, log, backup };
}

test('a damaged file that is not essential is omitted from a backup and logged, and the rest can be restored', async () => {
  const { backup, log } = open({ layouts: '{"secr' });
  const { bytes } = await backup.make();
  expect(log.join()).toContain('layouts.json');
  expect(await backup.check(bytes)).toMatchObject({ people: { same: ['owner'] } });
});

test('damaged users prevent a backup, which names the file', async () => {
  const { backup } = open({ users: '{"us' });
  await expect(backup.make()).rejects.toThrow('cannot back up: users.json is damaged');
});

test('the backup of a box without a configuration can be restored', async () => {
  const { backup } = open({ text: '' });
  const { bytes } = await backup.make();
  expect(await backup.check(bytes)).toMatchObject({ problems: [], cameras: { removed: [{ path: 'door' }] } });
});

test('a restore is rejected before anything is staged if the configuration cannot be written', async () => {
  // A folder below a file cannot be created, even by root.
  const { backup, dataDir } = open({ file: 'users.json/perch.yml' });
  const { bytes } = await backup.make();
  const before = readdirSync(dataDir);
  await expect(backup.stage(bytes)).rejects.toThrow(/^cannot write .*perch\.yml$/);
  expect(readdirSync(dataDir)).toEqual(before);
  await expect(backup.check(bytes)).resolves.toMatchObject({ problems: [] });
});

test('a restore is rejected, too, if the configuration is mounted read-only', async () => {
  const { backup, dataDir } = open({ file: 'perch.yml' });
  writeFileSync(join(dataDir, 'perch.yml'), CONFIG);
  const { access } = files;
  const use = (one: typeof access) => {
    files.access = one;
    syncBuiltinESMExports();
  };
  use(() => Promise.reject(Object.assign(new Error('read-only file system'), { code: 'EROFS' })));
  onTestFinished(() => use(access));
  const { bytes } = await backup.make();
  const before = readdirSync(dataDir);
  await expect(backup.stage(bytes)).rejects.toThrow(/^cannot write .*perch\.yml$/);
  expect(readdirSync(dataDir)).toEqual(before);
});
