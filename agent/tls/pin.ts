import { createHash, createPublicKey, ECDH, type KeyObject, X509Certificate } from 'node:crypto';
import { PerchError } from '../base/errors.ts';

const CURVE = 'prime256v1';
const POINT_HALF_BYTES = 32;

/**
 * `authority.KEY`: the public key of a box's own authority, a compressed P-256 point, which stays when its certificates are renewed.
 * `key.HASH`: SHA-256 of the public key (SPKI) of a certificate of another authority. Both in base64url.
 */
export function pinOf(certificate: string | Uint8Array, authority: string | undefined): string {
  const leaf = new X509Certificate(certificate);
  const issuer = authority === undefined ? undefined : new X509Certificate(authority);
  if (issuer?.publicKey.asymmetricKeyDetails?.namedCurve === CURVE && leaf.verify(issuer.publicKey)) {
    const { x = '', y = '' } = issuer.publicKey.export({ format: 'jwk' });
    const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
    return `authority.${ECDH.convertKey(point, CURVE, undefined, 'base64url', 'compressed')}`;
  }
  return `key.${hashOf(leaf)}`;
}

/** @returns why the certificate of a TLS connection is not the pinned one, or undefined if it is */
export function pinFault(certificate: X509Certificate | undefined, pin: string): PerchError | undefined {
  if (certificate && matches(certificate, pin)) {
    return undefined;
  }
  const seen = certificate ? `one with the fingerprint ${certificate.fingerprint256}` : 'none';
  return new PerchError(
    'unauthorized',
    `another machine answers there: the certificate is not the box's, but ${seen}`,
    {
      why: 'pin',
    },
  );
}

function matches(certificate: X509Certificate, pin: string): boolean {
  const [kind, value = ''] = pin.split('.');
  if (kind === 'key') {
    return hashOf(certificate) === value;
  }
  try {
    return kind === 'authority' && certificate.verify(publicKey(value));
  } catch {
    return false;
  }
}

function publicKey(compressed: string): KeyObject {
  const point = ECDH.convertKey(compressed, CURVE, 'base64url', undefined, 'uncompressed') as Buffer;
  const x = point.subarray(1, 1 + POINT_HALF_BYTES).toString('base64url');
  const y = point.subarray(1 + POINT_HALF_BYTES).toString('base64url');
  return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
}

const hashOf = ({ publicKey }: X509Certificate): string =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
