import encryption from 'web-push/src/encryption-helper.js';
import vapid from 'web-push/src/vapid-helper.js';
import type { PushKey } from './push-key.ts';

/** A contact is mandatory for Apple's service, and a box has none. */
const CONTACT = 'mailto:perch@example.com';
/** Older news is no news. */
const LIFE_S = 4 * 3600;

export interface PushTarget {
  readonly endpoint: string;
  /** The browser's keys, base64url (RFC 8291 §2). */
  readonly p256dh: string;
  readonly auth: string;
}

/** A request of RFC 8030, encrypted for one browser. */
export function pushRequest({ endpoint, p256dh, auth }: PushTarget, key: PushKey, payload: string) {
  const { cipherText } = encryption.encrypt(p256dh, auth, Buffer.from(payload), 'aes128gcm');
  const { origin } = new URL(endpoint);
  const { Authorization } = vapid.getVapidHeaders(origin, CONTACT, key.publicKey, key.privateKey, 'aes128gcm');
  return {
    url: endpoint,
    body: cipherText,
    headers: {
      Authorization,
      'Content-Type': 'application/octet-stream',
      'Content-Encoding': 'aes128gcm',
      TTL: String(LIFE_S),
      Urgency: 'high',
    },
  };
}
