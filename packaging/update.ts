import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Manifest, PackageArchitecture, PackageName, UpdatePackage } from '../system/update/manifest.ts';
import { writeHeader } from '../system/update/update-file.ts';
import { NEWEST, updateName, writeNewest } from '../system/update/update-server.ts';
import { Refusal } from './refusal.ts';

/** Where the owner of these sources puts the public keys whose updates his packages take. */
const KEYS = join(import.meta.dirname, 'update-keys');

/** Into a file of another name: what was given may be a key all the same, and no box is updated without it any more. */
const HOW_TO_MAKE = 'openssl genpkey -algorithm ed25519 -out NEWFILE makes one';

/** @throws when the file holds no private Ed25519 key */
export async function readSigningKey(file: string): Promise<KeyObject> {
  const bytes = await readFile(file).catch((cause: Error) => {
    throw new Refusal(`${file} cannot be read (${cause.message}): ${HOW_TO_MAKE}`, { cause });
  });
  const key = privateKeyOf(bytes);
  if (!key) {
    throw new Refusal(`${file} holds no Ed25519 private key that can be read without a passphrase: ${HOW_TO_MAKE}`);
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new Refusal(`${file} is a key for ${key.asymmetricKeyType}, not for Ed25519: ${HOW_TO_MAKE}`);
  }
  return key;
}

function privateKeyOf(bytes: Buffer): KeyObject | undefined {
  try {
    return createPrivateKey(bytes);
  } catch {
    // OpenSSL's reasons ("DECODER routines::unsupported") differ from one version to the next, and tell nobody what to do.
    return undefined;
  }
}

/**
 * Public keys as PEM, by the name of their file in the package: those of the folder, and that of the key which signs.
 * @param signing the private one
 */
export async function updateKeys(signing?: KeyObject, folder = KEYS): Promise<ReadonlyMap<string, Uint8Array>> {
  const keys = new Map<string, Uint8Array>();
  for (const name of (await readdir(folder).catch(() => [])).filter((one) => one.endsWith('.pem')).sort()) {
    keys.set(name, await readFile(join(folder, name)));
  }
  if (signing) {
    const pem = Buffer.from(createPublicKey(signing).export({ type: 'spki', format: 'pem' }));
    const isThere = [...keys.values()].some((one) => pem.equals(one));
    if (!isThere) {
      keys.set(`${createHash('sha256').update(pem).digest('hex').slice(0, 12)}.pem`, pem);
    }
  }
  return keys;
}

/**
 * `perch-VERSION.perchupdate` beside the packages, and what tells boxes of it that look for it here.
 * @param files Debian packages, perch among them, under the names that they were made with
 * @param time Unix seconds
 */
export async function makeUpdate(
  files: readonly string[],
  key: KeyObject,
  { version, time, folder }: { readonly version: string; readonly time: number; readonly folder: string },
): Promise<string> {
  const packages: UpdatePackage[] = [];
  for (const file of files) {
    packages.push(await packageOf(file));
  }
  const made = new Date(time * 1_000).toISOString();
  const manifest: Manifest = { version, made, packages };
  const update = join(folder, updateName(version));
  await pipeline(contents(writeHeader(manifest, key), files), createWriteStream(`${update}.new`));
  await rename(`${update}.new`, update);
  await writeFile(join(folder, NEWEST), writeNewest(version));
  return update;
}

async function* contents(header: Buffer, files: readonly string[]): AsyncGenerator<Uint8Array> {
  yield header;
  for (const file of files) {
    yield* createReadStream(file);
  }
}

async function packageOf(file: string): Promise<UpdatePackage> {
  const [name = '', version = '', architecture = ''] = basename(file, '.deb').split('_');
  const hash = createHash('sha512');
  for await (const piece of createReadStream(file)) {
    hash.update(piece);
  }
  return {
    name: name as PackageName,
    version,
    architecture: architecture as PackageArchitecture,
    sizeBytes: (await stat(file)).size,
    sha512: hash.digest('hex'),
  };
}
