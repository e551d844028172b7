import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { sha256 } from './signed-group.ts';

/** What precedes the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410 §4). */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');
const KEY_BYTES = 32;

export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: Uint8Array;
  /** SHA-256 of the public key as SubjectPublicKeyInfo, `AB:CD:…`. */
  readonly fingerprint: string;
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

export function toSigningKey(privateKey: KeyObject): SigningKey {
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
