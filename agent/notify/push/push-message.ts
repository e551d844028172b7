import { createPrivateKey, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import encryption from 'web-push/src/encryption-helper.js';
import type { PushKey } from './push-key.ts';

/** A contact is mandatory for Apple's service, and a box has none. */
const CONTACT = 'mailto:perch@example.com';
/** Older news is no news. */
const LIFE_S = 4 * 3600;

/** RFC 8292 §2: at most 24 hours. */
const TOKEN_LIFE = '12h';
/** Bytes of a coordinate of P-256; the point begins with 0x04. */
const COORDINATE_BYTES = 32;

interface PushTarget {
  readonly endpoint: string;
  /** The browser's keys, base64url (RFC 8291 §2). */
  readonly p256dh: string;
  readonly auth: string;
}

/** A request of RFC 8030, encrypted for one browser. */
export async function pushRequest({ endpoint, p256dh, auth }: PushTarget, key: PushKey, payload: string) {
  const { cipherText } = encryption.encrypt(p256dh, auth, Buffer.from(payload), 'aes128gcm');
  const token = await new SignJWT()
    .setProtectedHeader({ typ: 'JWT', alg: 'ES256' })
    .setAudience(new URL(endpoint).origin)
    .setExpirationTime(TOKEN_LIFE)
    .setSubject(CONTACT)
    .sign(signingKeyOf(key));
  return {
    url: endpoint,
    body: cipherText,
    headers: {
      Authorization: `vapid t=${token}, k=${key.publicKey}`,
      'Content-Type': 'application/octet-stream',
      'Content-Encoding': 'aes128gcm',
      TTL: String(LIFE_S),
      Urgency: 'high',
    },
  };
}

function signingKeyOf({ publicKey, privateKey }: PushKey): KeyObject {
  const point = Buffer.from(publicKey, 'base64url');
  const x = point.toString('base64url', 1, 1 + COORDINATE_BYTES);
  const y = point.toString('base64url', 1 + COORDINATE_BYTES);
  return createPrivateKey({ key: { kty: 'EC', crv: 'P-256', x, y, d: privateKey }, format: 'jwk' });
}
