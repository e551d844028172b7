import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { ConcurrencyLimit } from '../../base/concurrency-limit.ts';

const HASH_BYTES = 32;
const SALT_BYTES = 16;
// 16 MiB for each hash (128 · n · r, RFC 7914 §2), for small boards; p makes up for the time.
const COST = { n: 16_384, r: 8, p: 5 } as const;

const base64 = (bytes: number) => Type.String({ pattern: `^[A-Za-z0-9+/]{${Math.ceil((bytes * 4) / 3)}}={0,2}$` });

/** A stored password, with its parameters, so that they can grow later. */
export const PasswordHash = Type.Object({
  scheme: Type.Literal('scrypt'),
  n: Type.Integer({ minimum: 2, maximum: 1 << 17 }),
  r: Type.Integer({ minimum: 1, maximum: 8 }),
  p: Type.Integer({ minimum: 1, maximum: 16 }),
  salt: base64(SALT_BYTES),
  hash: base64(HASH_BYTES),
});
export type PasswordHash = Static<typeof PasswordHash>;

export async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await gate.run(() => derive(password, salt, COST));
  return { scheme: 'scrypt', ...COST, salt: salt.toString('base64'), hash: hash.toString('base64') };
}

export async function verifyPassword(password: string, stored: PasswordHash): Promise<boolean> {
  const derived = await gate.run(() => derive(password, Buffer.from(stored.salt, 'base64'), stored));
  return timingSafeEqual(derived, Buffer.from(stored.hash, 'base64'));
}

function derive(password: string, salt: Buffer, { n, r, p }: { n: number; r: number; p: number }): Promise<Buffer> {
  const options: ScryptOptions = { N: n, r, p, maxmem: (128 << 20) + (1 << 20) };
  // The same password may differ in code points between keyboards: NFC by RFC 8265 §4.2.
  const text = password.normalize('NFC');
  return new Promise((resolve, reject) => {
    scrypt(text, salt, HASH_BYTES, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

/** Only logins hash; the other cores are for the cameras. */
const gate = new ConcurrencyLimit(1, 16, 'logins');
