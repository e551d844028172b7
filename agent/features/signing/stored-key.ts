import { generateKeyPairSync } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PerchError } from '../../base/errors.ts';
import { putAside, replaceFile } from '../../base/files/durable-file.ts';
import type { Logger } from '../../base/log.ts';
import { readConfigFile } from '../../config/file/file.ts';
import { publicKeyOf, readSigningKey, type SigningKey, toSigningKey } from '../../record/signing/signing-key.ts';

/** In the data folder. */
export const SIGNING_KEY_FILE = 'signing-key.pem';

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
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await replaceFile(file, pem, 0o600);
  } catch (cause) {
    throw new PerchError('unavailable', `cannot write ${file}`, { file }, cause);
  }
  const made = toSigningKey(privateKey);
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
