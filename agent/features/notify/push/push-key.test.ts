import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { silentLogger } from '../../../base/log.ts';
import { isPushKey, openPushKey } from './push-key.ts';

test('the key is made once, and only the owner of the file reads it', async () => {
  using folder = temporaryFolder();
  const key = await openPushKey(folder.path, silentLogger);
  expect(isPushKey(key)).toBe(true);
  expect(await openPushKey(folder.path, silentLogger)).toEqual(key);
  expect(statSync(join(folder.path, 'push-key.json')).mode & 0o777).toBe(0o600);
});

test('a damaged key is replaced', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'push-key.json'), '{"publicKey": 1}');
  expect(isPushKey(await openPushKey(folder.path, silentLogger))).toBe(true);
});
