import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { signFolder } from './checksums.ts';

const VERIFY = [
  ...['pkeyutl', '-verify', '-pubin', '-inkey', 'perch-update.pem', '-rawin'],
  ...['-in', 'SHA256SUMS', '-sigfile', 'SHA256SUMS.sig'],
];

test('sha256sum and OpenSSL verify a release, and find a file that was changed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-sums-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'tmp'));
  writeFileSync(join(folder, 'perch_1.2.3_all.deb'), 'one');
  writeFileSync(join(folder, 'compose.yaml'), 'other');
  await signFolder(folder, generateKeyPairSync('ed25519').privateKey);

  const run = (program: string, words: readonly string[]) =>
    execFileSync(program, words, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
  expect(run('openssl', VERIFY)).toContain('Signature Verified Successfully');
  expect(run('sha256sum', ['--check', 'SHA256SUMS'])).toBe(
    'compose.yaml: OK\nperch-update.pem: OK\nperch_1.2.3_all.deb: OK\n',
  );

  writeFileSync(join(folder, 'compose.yaml'), 'changed');
  expect(() => run('sha256sum', ['--check', 'SHA256SUMS'])).toThrow();
  writeFileSync(join(folder, 'SHA256SUMS'), `${readFileSync(join(folder, 'SHA256SUMS'), 'utf8')}\n`);
  expect(() => run('openssl', VERIFY)).toThrow();
});
