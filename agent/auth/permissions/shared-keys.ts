import { errors, type JSONWebKeySet, type JWK } from 'jose';
import { PerchError } from '../../base/errors.ts';

/** Bytes of the least key, RFC 7518 §3.2. */
const MIN_BYTES: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 };

export const isSharedAlgorithm = (algorithm: string | undefined): algorithm is string =>
  algorithm !== undefined && Object.hasOwn(MIN_BYTES, algorithm);

/** The secret of a key set that verifies a token, RFC 7518 §6.4. Keys of other types, which are public, never do (RFC 8725 §2.1). */
export function sharedKey({ keys }: JSONWebKeySet, algorithm: string, kid: string | undefined): Uint8Array {
  const found = keys.filter((key) => isUsable(key, algorithm, kid));
  if (found.length > 1) {
    throw new errors.JWKSMultipleMatchingKeys();
  }
  const secret = Buffer.from(found[0]?.k ?? '', 'base64url');
  const least = MIN_BYTES[algorithm] ?? 0;
  if (!found[0]) {
    throw new errors.JWKSNoMatchingKey();
  }
  if (secret.length < least) {
    const message = `the ${algorithm} key of authJWTJWKS has ${secret.length} bytes, at least ${least} are required`;
    throw new PerchError('unauthorized', message);
  }
  return secret;
}

const isUsable = (key: JWK, algorithm: string, kid: string | undefined): boolean =>
  key.kty === 'oct' &&
  typeof key.k === 'string' &&
  (kid === undefined || key.kid === kid) &&
  (key.alg ?? algorithm) === algorithm &&
  (key.use ?? 'sig') === 'sig' &&
  (!Array.isArray(key.key_ops) || key.key_ops.includes('verify'));
