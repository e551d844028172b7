import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createLogger } from '../../base/log.ts';
import { ConfigText } from './config-text.ts';
import * as files from './file.ts';
import { type Migration, migrateConfig } from './migrations.ts';

const OLD = '# mine\nkeepDays: 7\n';
/** Forms 2 and 3: a key is renamed, then gets a unit. */
const renames: Migration = (text) => text.replace(/^keepDays:/m, 'keep:');
const addsUnit: Migration = (text) => text.replace(/^keep: (\d+)$/m, 'keep: $1d');
const BOTH = [renames, addsUnit];
const NEW = '# mine\nkeep: 7d\n';

let dataDir: string;
let file: string;
let said: string[];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'perch-forms-'));
  file = join(dataDir, 'perch.yml');
  said = [];
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dataDir, { recursive: true });
});

const start = (migrations: readonly Migration[]) =>
  migrateConfig({
    file,
    dataDir,
    migrations,
    texts: new ConfigText({}),
    log: createLogger('info', (line) => said.push(JSON.stringify(line))),
  });
const text = (): string => readFileSync(file, 'utf8');

test('a file of the first form is migrated to the newest, and its text is kept', async () => {
  writeFileSync(file, OLD);
  await start(BOTH);
  expect(text()).toBe(NEW);
  expect(readFileSync(join(dataDir, 'config-before-form-2.yml'), 'utf8')).toBe(OLD);
  await start(BOTH);
  expect(text()).toBe(NEW);
});

test('an older version restores the former file, and a newer one migrates it again', async () => {
  writeFileSync(file, OLD);
  await start(BOTH);
  await start([renames]);
  expect(text()).toBe('# mine\nkeep: 7\n');
  await start([]);
  expect(text()).toBe(OLD);
  await start(BOTH);
  expect(text()).toBe(NEW);
});

test('an older version keeps later changes and logs that, and they are not migrated twice', async () => {
  writeFileSync(file, OLD);
  await start(BOTH);
  writeFileSync(file, `${NEW}more: 1\n`);
  await start([]);
  expect(text()).toBe(`${NEW}more: 1\n`);
  expect(said.join()).toContain('not restored');
  await start(BOTH);
  expect(text()).toBe(`${NEW}more: 1\n`);
});

test('a new file is unchanged, and without a file nothing is written', async () => {
  await start(BOTH);
  expect(existsSync(join(dataDir, 'config-forms.json'))).toBe(false);
  writeFileSync(file, NEW);
  await start(BOTH);
  expect(text()).toBe(NEW);
});

test('with only one form nothing is written', async () => {
  writeFileSync(file, OLD);
  await start([]);
  expect([text(), existsSync(join(dataDir, 'config-forms.json'))]).toEqual([OLD, false]);
});

test('a damaged record is ignored', async () => {
  writeFileSync(file, OLD);
  await start(BOTH);
  for (const damaged of ['', '{', 'null', '{"steps":1}', '{"steps":[{"to":9}]}', '{"steps":[null]}']) {
    writeFileSync(join(dataDir, 'config-forms.json'), damaged);
    await start(BOTH);
    expect(text()).toBe(NEW);
  }
});

test.for([
  ['turned', [], BOTH, NEW],
  ['turned back', BOTH, [], OLD],
] as const)('after a power cut at any write the file is %s at the next start', async ([, from, to, expected]) => {
  const { writeAtomic } = files;
  for (let cutAt = 0; ; cutAt += 1) {
    rmSync(dataDir, { recursive: true });
    dataDir = mkdtempSync(join(tmpdir(), 'perch-forms-'));
    file = join(dataDir, 'perch.yml');
    writeFileSync(file, OLD);
    await start(from);
    let writes = 0;
    const spy = vi.spyOn(files, 'writeAtomic').mockImplementation(async (...written) => {
      writes += 1;
      if (writes > cutAt) {
        throw new Error('the power is cut');
      }
      await writeAtomic(...written);
    });
    const isWhole = await start(to).then(
      () => true,
      () => false,
    );
    spy.mockRestore();
    await start(to);
    expect(text(), `cut after ${cutAt} writes`).toBe(expected);
    if (isWhole) {
      expect(cutAt).toBeGreaterThan(2);
      return;
    }
  }
});
