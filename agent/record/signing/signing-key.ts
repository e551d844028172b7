import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PerchError } from '../../base/errors.ts';
import { putAside, replaceFile } from '../../base/files/durable-file.ts';
import type { Logger } from '../../base/log.ts';
import { readConfigFile } from '../../config/file/file.ts';
import { sha256 } from './signed-group.ts';

/** In the data folder. */
export const SIGNING_KEY_FILE = 'signing-key.pem';
/** What precedes the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410 §4). */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');
const KEY_BYTES = 32;

export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: Uint8Array;
  /** SHA-256 of the public key as SubjectPublicKeyInfo, `AB:CD:…`. */
  readonly fingerprint: string;
}

/** The key of the box that signs recordings, made at first use. @throws PerchError unavailable if it cannot be kept */
export async function openSigningKey(dataDir: string, log: Logger): Promise<SigningKey> {
  const file = join(dataDir, SIGNING_KEY_FILE);
  const stored = await readConfigFile(file);
  const found = stored === undefined ? undefined : readSigningKey(stored);
  if (found) {
    return found;
  }
  if (stored !== undefined) {
    log.error({ file }, 'key of recordings is damaged: file renamed, a new key signs from now on');
    await putAside(file);
  }
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await replaceFile(file, pem, 0o600);
  } catch (cause) {
    throw new PerchError('unavailable', `cannot write ${file}`, { file }, cause);
  }
  const made = toSigningKey(createPrivateKey(pem));
  log.info({ fingerprint: made.fingerprint }, 'key of recordings created');
  return made;
}

/** Fingerprint and public key, for the terminal of the box. @throws PerchError notFound before the first signature */
export async function signingKeyHere(dataDir: string): Promise<readonly string[]> {
  const key = readSigningKey((await readConfigFile(join(dataDir, SIGNING_KEY_FILE))) ?? '');
  if (!key) {
    throw new PerchError(
      'notFound',
      `${dataDir} has no key of recordings: it is made for the first one with recordSign`,
    );
  }
  const pem = publicKeyOf(key.publicKey).export({ type: 'spki', format: 'pem' });
  return [key.fingerprint, pem.toString().trimEnd()];
}

/** Fingerprint of the key of the box; undefined before its first signature. */
export async function fingerprintHere(dataDir: string): Promise<string | undefined> {
  return readSigningKey((await readConfigFile(join(dataDir, SIGNING_KEY_FILE))) ?? '')?.fingerprint;
}

/** undefined for a damaged file. */
export function readSigningKey(pem: string): SigningKey | undefined {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? toSigningKey(key) : undefined;
  } catch {
    return undefined;
  }
}

function toSigningKey(privateKey: KeyObject): SigningKey {
  const der = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const publicKey = new Uint8Array(der.subarray(-KEY_BYTES));
  return { privateKey, publicKey, fingerprint: fingerprintOf(publicKey) };
}

const derOf = (publicKey: Uint8Array): Buffer => Buffer.concat([SPKI_HEAD, publicKey]);

export const fingerprintOf = (publicKey: Uint8Array): string =>
  Buffer.from(sha256(derOf(publicKey)))
    .toString('hex')
    .toUpperCase()
    .replace(/..(?!$)/g, '$&:');

/** @param publicKey 32 bytes */
export const publicKeyOf = (publicKey: Uint8Array): KeyObject =>
  createPublicKey({ key: derOf(publicKey), format: 'der', type: 'spki' });
