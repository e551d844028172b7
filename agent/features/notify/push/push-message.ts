import { createPrivateKey, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import encryption from 'web-push/src/encryption-helper.js';
import type { PushKey } from './push-key.ts';

/** Placeholder for the contact: Apple's push service requires one, and a box has none. */
const CONTACT = 'mailto:perch@example.com';
/** TTL of the message (RFC 8030): the push service drops it after this time. */
const LIFE_S = 4 * 3600;

/** Lifetime of the JWT, at most 24 hours (RFC 8292 §2). */
const TOKEN_LIFE = '12h';
/** Bytes of a P-256 coordinate; before the two coordinates, the point has the byte 0x04. */
const COORDINATE_BYTES = 32;

interface PushTarget {
  readonly endpoint: string;
  /** Keys of the browser in base64url: `p256dh` and `auth` (RFC 8291 §2). */
  readonly p256dh: string;
  readonly auth: string;
}

/** A push request (RFC 8030) with its payload encrypted for one browser. */
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
