import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const PRIVATE = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const PERCH_UPDATE_PUBLIC_KEY = publicKey.export({ type: 'spki', format: 'pem' }).toString();

test.for([
  ['without a key', {}, [], 'PERCH_UPDATE_PUBLIC_KEY has no Ed25519 public key'],
  [
    'with the private key, which programs of the build could read',
    { PERCH_UPDATE_PUBLIC_KEY: PRIVATE },
    [],
    'PERCH_UPDATE_PUBLIC_KEY has no Ed25519 public key: openssl pkey -in KEYFILE -pubout prints',
  ],
  [
    'with a tag of another version',
    { PERCH_UPDATE_PUBLIC_KEY },
    ['--tag', 'v0.0.9'],
    'the tag v0.0.9 is not of version',
  ],
  [
    'with an address that no registry accepts',
    { PERCH_UPDATE_PUBLIC_KEY, PERCH_IMAGE_ADDRESS: 'https://registry.invalid/Perch' },
    [],
    'PERCH_IMAGE_ADDRESS is "https://registry.invalid/Perch", expected HOST/NAME in lower case',
  ],
] as const)('a release %s is rejected before the build', ([, env, words, message]) => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-release-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const out = join(folder, 'release');
  const { PERCH_UPDATE_PUBLIC_KEY: _, ...inherited } = process.env;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, 'main.ts'), '--no-image', '--quick', '--out', out, ...words],
    { encoding: 'utf8', env: { ...inherited, ...env } },
  );
  expect({ stdout, status, isMade: existsSync(out) }).toEqual({ stdout: '', status: 1, isMade: false });
  expect(stderr).toContain(message);
});
