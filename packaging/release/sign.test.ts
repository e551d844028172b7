import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readUpdate } from '../../system/update/update-file.ts';
import { makeSbom } from '../sbom.ts';

const KEYS = generateKeyPairSync('ed25519');
const NAMES = ['perch-node_1.2.3_amd64.deb', 'perch-node_1.2.3_arm64.deb', 'perch_1.2.3_all.deb'];

/** A release as it was built. */
function built(): string {
  const folder = mkdtempSync(join(tmpdir(), 'perch-sign-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const name of NAMES) {
    writeFileSync(join(folder, name), name);
  }
  writeFileSync(join(folder, 'perch-update.pem'), KEYS.publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(
    join(folder, 'perch_1.2.3.cdx.json'),
    makeSbom({ name: 'perch', version: '1.2.3', time: 1_700_000_000 }, []),
  );
  return folder;
}

const sign = (folder: string, { privateKey } = KEYS) =>
  spawnSync(process.execPath, [join(import.meta.dirname, 'sign.ts'), '-', folder], {
    encoding: 'utf8',
    input: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  });

test('a built release gets its update and signed checksums with a key from the standard input', async () => {
  const folder = built();
  const { stdout, stderr, status } = sign(folder);
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  const file = createReadStream(join(folder, 'perch-1.2.3.perchupdate'));
  const manifest = await readUpdate(file, [KEYS.publicKey], { begin: (found) => found, take: () => {} });
  expect(manifest).toMatchObject({ version: '1.2.3', made: '2023-11-14T22:13:20.000Z' });
  const packages = manifest.packages.map(({ name, architecture }) => `${name} ${architecture}`);
  expect(packages).toEqual(['perch all', 'perch-node amd64', 'perch-node arm64']);
  expect(stdout).toBe(readFileSync(join(folder, 'SHA256SUMS'), 'utf8'));
  const signed = stdout
    .trim()
    .split('\n')
    .map((line) => line.slice(66))
    .sort();
  const added = ['perch-1.2.3.perchupdate', 'perch-update.json', 'perch-update.pem', 'perch_1.2.3.cdx.json'];
  expect(signed).toEqual([...NAMES, ...added].sort());
  expect(sign(folder).stdout).toBe(stdout);
});

test('a release is not signed with a key that its packages do not accept', () => {
  const { stderr, status } = sign(built(), generateKeyPairSync('ed25519'));
  expect(status).toBe(1);
  expect(stderr).toContain('was built for another key');
});
