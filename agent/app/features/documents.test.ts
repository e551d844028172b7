import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import type { CommandCall } from '../../features/contract.ts';
import { withDocuments } from './documents.ts';

test('a command with a configuration that cannot be read says that it uses files', async () => {
  const printed: string[] = [];
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  onTestFinished(() => write.mockRestore());
  const call = { dataDir: '/no-data', cwd: '/', env: {}, file: '/no/such.yml', keys: async () => KEYS };
  expect(await withDocuments(call as unknown as CommandCall, async () => 'done')).toBe('done');
  write.mockRestore();
  expect(printed).toEqual([
    expect.stringMatching(/cannot be read: files are used, and no database.*such\.yml does not exist/),
  ]);
});

test('a damaged note of the last start asks for FILE.yml, and with one it counts for nothing', async () => {
  using folder = temporaryFolder();
  const { path } = folder;
  writeFileSync(join(path, 'last-start.json'), '{');
  writeFileSync(join(path, 'own.yml'), 'perch: own\n');
  const run = (named: object) => {
    const call = { dataDir: path, cwd: path, env: {}, keys: async () => KEYS, ...named };
    return withDocuments(call as unknown as CommandCall, async () => 'done');
  };
  await expect(run({})).rejects.toThrow(/last-start\.json is not JSON.*: start Perch once, or name its FILE\.yml$/);
  expect(await run({ file: 'own.yml' })).toBe('done');
});
