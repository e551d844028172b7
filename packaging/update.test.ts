import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readUpdate } from '../system/update/update-file.ts';
import { parseNewest } from '../system/update/update-server.ts';
import { addUpdater } from './debian.ts';
import { Tree } from './tree.ts';
import { makeUpdate, readSigningKey, updateKeys } from './update.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perch-update-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('an update holds the packages that were made, and is taken with the public half of its key', async () => {
  const deb = join(folder, 'perch_1.2.3_all.deb');
  const node = join(folder, 'perch-node_1.2.3_arm64.deb');
  writeFileSync(deb, 'one');
  writeFileSync(node, 'another');
  const keyFile = join(folder, 'key.pem');
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const key = await readSigningKey(keyFile);
  const keys = await updateKeys(key, join(folder, 'none'));
  const file = await makeUpdate([deb, node], key, { version: '1.2.3', time: 1_700_000_000, folder });
  expect(file).toBe(join(folder, 'perch-1.2.3.perchupdate'));
  expect(parseNewest(readFileSync(join(folder, 'perch-update.json'), 'utf8'))).toBe('1.2.3');

  const taken: string[] = [];
  const manifest = await readUpdate(
    createReadStream(file),
    [...keys.values()].map((pem) => createPublicKey(Buffer.from(pem))),
    {
      begin: (found) => found,
      take: (bytes, { name }) => void taken.push(`${name}: ${Buffer.from(bytes).toString()}`),
    },
  );
  expect(manifest).toMatchObject({ version: '1.2.3', made: '2023-11-14T22:13:20.000Z' });
  expect(taken).toEqual(['perch: one', 'perch-node: another']);
});

test('the keys of the folder and the signing key are published, each once', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  writeFileSync(join(folder, 'mine.pem'), pem);
  writeFileSync(join(folder, 'README'), 'no key');
  expect([...(await updateKeys(privateKey, folder)).keys()]).toEqual(['mine.pem']);
  const others = await updateKeys(generateKeyPairSync('ed25519').privateKey, folder);
  expect(others.size).toBe(2);
  expect([...others.values()].every((one) => Buffer.from(one).includes('BEGIN PUBLIC KEY'))).toBe(true);
});

test('a key for something else does not sign', async () => {
  const file = join(folder, 'key.pem');
  writeFileSync(
    file,
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
  );
  expect(createPrivateKey(execFileSync('cat', [file])).asymmetricKeyType).toBe('ec');
  await expect(readSigningKey(file)).rejects.toThrow('is a key for ec, not for Ed25519: openssl genpkey');
});

test('an invalid or unreadable key is reported with the command that makes one', async () => {
  const file = join(folder, 'key.pem');
  const made = ': openssl genpkey -algorithm ed25519 -out NEWFILE makes one';
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const locked = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' } as const;
  for (const text of ['', 'no key', publicKey.export({ type: 'spki', format: 'pem' }), privateKey.export(locked)]) {
    writeFileSync(file, text);
    const message = `${file} has no Ed25519 private key without a passphrase${made}`;
    await expect(readSigningKey(file)).rejects.toThrow(message);
  }
  const missing = join(folder, 'missing.pem');
  const message = `${missing} cannot be read (ENOENT: no such file or directory, open '${missing}')${made}`;
  await expect(readSigningKey(missing)).rejects.toThrow(message);
});

test("root's part is one small script that any Node runs", async () => {
  const tree = new Tree();
  await addUpdater(tree, new Map([['mine.pem', Buffer.from('key')]]));
  expect(tree.bytes).toBeLessThan(40_000);
  tree.write(folder, 1_700_000_000);
  const run = join(folder, 'usr/lib/perch/update/run');
  writeFileSync(run, readFileSync(run, 'utf8').replaceAll('/var/lib/perch-update', folder));
  const outcome = () => execFileSync(run, ['nothing'], { stdio: 'pipe', encoding: 'utf8' });
  expect(outcome).toThrow('update|resume|watch');
});
