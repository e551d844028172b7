import { createPublicKey } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { silentLogger } from '../../base/log.ts';
import { openSigningKey, SIGNING_KEY_FILE, signingKeyHere } from './stored-key.ts';

test('the key is made once, and shown without its secret', async () => {
  using folder = temporaryFolder();
  await expect(signingKeyHere(folder.path)).rejects.toThrow('has no key of recordings');
  const made = await openSigningKey(folder.path, silentLogger);
  expect(await openSigningKey(folder.path, silentLogger)).toMatchObject({ fingerprint: made.fingerprint });
  const [fingerprint, pem = ''] = await signingKeyHere(folder.path);
  expect(fingerprint).toBe(made.fingerprint);
  expect(createPublicKey(pem).asymmetricKeyType).toBe('ed25519');
});

test('a damaged key is kept under another name', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, SIGNING_KEY_FILE);
  writeFileSync(file, 'torn');
  await openSigningKey(folder.path, silentLogger);
  expect(existsSync(`${file}.damaged`)).toBe(true);
});
