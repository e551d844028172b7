import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Manifest, PackageArchitecture, PackageName, UpdatePackage } from '../system/update/manifest.ts';
import { writeHeader } from '../system/update/update-file.ts';
import { NEWEST, updateName, writeNewest } from '../system/update/update-server.ts';
import { UsageError } from './usage-error.ts';

/** Public keys of publishers whose updates the packages accept. */
const KEYS = join(import.meta.dirname, 'update-keys');

/** Writes to a new file: the given file may be the publisher's key, which must not be overwritten. */
const HOW_TO_MAKE = 'openssl genpkey -algorithm ed25519 -out NEWFILE makes one';

/** @throws UsageError if the file has no private Ed25519 key */
export async function readSigningKey(file: string): Promise<KeyObject> {
  const bytes = await readFile(file).catch((cause: Error) => {
    throw new UsageError(`${file} cannot be read (${cause.message}): ${HOW_TO_MAKE}`, { cause });
  });
  return signingKey(bytes, file);
}

/** @param origin of the key, for messages @throws UsageError if it is no private Ed25519 key */
export function signingKey(pem: string | Buffer, origin: string): KeyObject {
  const key = privateKeyOf(pem);
  if (!key) {
    throw new UsageError(`${origin} has no Ed25519 private key without a passphrase: ${HOW_TO_MAKE}`);
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new UsageError(`${origin} is a key for ${key.asymmetricKeyType}, not for Ed25519: ${HOW_TO_MAKE}`);
  }
  return key;
}

function privateKeyOf(bytes: string | Buffer): KeyObject | undefined {
  try {
    return createPrivateKey(bytes);
  } catch {
    // OpenSSL's messages ("DECODER routines::unsupported") vary by version and explain nothing.
    return undefined;
  }
}

/** @param origin of the key, for messages @throws UsageError if it is no public Ed25519 key */
export function publicKey(pem: string, origin: string): KeyObject {
  const key = pem.includes('PRIVATE KEY') ? undefined : publicKeyOf(pem);
  if (key?.asymmetricKeyType !== 'ed25519') {
    throw new UsageError(
      `${origin} has no Ed25519 public key: openssl pkey -in KEYFILE -pubout prints that of a private one`,
    );
  }
  return key;
}

function publicKeyOf(pem: string): KeyObject | undefined {
  try {
    return createPublicKey(pem);
  } catch {
    return undefined;
  }
}

/** The public half as PEM. */
export function publicPem(key: KeyObject): string {
  const half = key.type === 'private' ? createPublicKey(key) : key;
  return half.export({ type: 'spki', format: 'pem' }).toString();
}

/** Public keys as PEM, by file name in the package: those of the folder, and that of the signing key. */
export async function updateKeys(signing?: KeyObject, folder = KEYS): Promise<ReadonlyMap<string, Uint8Array>> {
  const keys = new Map<string, Uint8Array>();
  for (const name of (await readdir(folder).catch(() => [])).filter((one) => one.endsWith('.pem')).sort()) {
    keys.set(name, await readFile(join(folder, name)));
  }
  if (signing) {
    const pem = Buffer.from(publicPem(signing));
    const isThere = [...keys.values()].some((one) => pem.equals(one));
    if (!isThere) {
      keys.set(`${createHash('sha256').update(pem).digest('hex').slice(0, 12)}.pem`, pem);
    }
  }
  return keys;
}

/**
 * `perch-VERSION.perchupdate` next to the packages, and the file that announces it to boxes.
 * @param files Debian packages, perch among them, with their original names
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
