import { createECDH } from 'node:crypto';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import type { Logger } from '../../../base/log.ts';

export const PUSH_KEY_FILE = 'push-key.json';
/** Length of the private key. Node leaves leading zeros of the number out of its buffer. */
const PRIVATE_BYTES = 32;

/** P-256 keys in base64url: the public point (65 bytes) and the private number (32 bytes). */
const KeyPair = Type.Object({
  publicKey: Type.String({ pattern: '^[\\w-]{87}$' }),
  privateKey: Type.String({ pattern: '^[\\w-]{43}$' }),
});
export type PushKey = Static<typeof KeyPair>;

/** Checks a `push-key.json` from a backup. */
export const isPushKey = (stored: unknown): boolean => Check(KeyPair, stored);

/**
 * The key by which push services recognise this box (RFC 8292), created at first use. Browsers bind their subscriptions to it: losing it
 * ends all subscriptions.
 */
export async function openPushKey(dataDir: string, log: Logger): Promise<PushKey> {
  const document = new StoredDocument(join(dataDir, PUSH_KEY_FILE), KeyPair, log);
  // Of servers that start at once, the key of the first one counts.
  return document.change(async () => {
    const stored = await document.open('key of push notifications is damaged: switch them on again on each device');
    if (stored) {
      return stored;
    }
    const pair = newPair();
    await document.save(() => pair);
    return pair;
  });
}

function newPair(): PushKey {
  const ecdh = createECDH('prime256v1');
  const publicKey = ecdh.generateKeys('base64url');
  const key = Buffer.alloc(PRIVATE_BYTES);
  const number = ecdh.getPrivateKey();
  number.copy(key, PRIVATE_BYTES - number.length);
  return { publicKey, privateKey: key.toString('base64url') };
}
