import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { silentLogger } from '../../base/log.ts';
import { loadMadeSecret } from './zlm.ts';

test('an unreadable secret stays in its file', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'zlm-secret.json');
  // A folder of that name: reading fails with EISDIR.
  mkdirSync(file);
  const first = await loadMadeSecret(folder.path, silentLogger);
  expect(first).toHaveLength(32);
  expect(readdirSync(folder.path)).toEqual(['zlm-secret.json']);
  rmdirSync(file);
  const kept = await loadMadeSecret(folder.path, silentLogger);
  expect([kept === first, await loadMadeSecret(folder.path, silentLogger)]).toEqual([false, kept]);
});
