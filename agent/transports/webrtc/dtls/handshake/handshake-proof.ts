import { createHash, createHmac, timingSafeEqual, verify, X509Certificate } from 'node:crypto';
import type { Fingerprint } from '../../sdp/offer.ts';

/*
 * The checks that werift leaves to its user: the certificate matches the offer, the peer owns its key, and both saw the
 * same messages.
 */

const ECDSA_SHA256 = 0x0403;
const RSA_PKCS1_SHA256 = 0x0401;
const VERIFY_DATA_BYTES = 12;

const NODE_HASH: ReadonlyMap<string, string> = new Map([
  ['sha-256', 'sha256'],
  ['sha-384', 'sha384'],
  ['sha-512', 'sha512'],
]);

/** RFC 8122 §5: one matching fingerprint is enough. Weak or unknown hashes never match. */
export function isExpected(certificate: Uint8Array, expected: readonly Fingerprint[]): boolean {
  return expected.some(({ hash, value }) => {
    const name = NODE_HASH.get(hash);
    const hex = name && createHash(name).update(certificate).digest('hex').toUpperCase();
    return hex?.match(/../g)?.join(':') === value;
  });
}

/** RFC 5246 §7.4.2: three-byte lengths precede the list and each certificate. */
export function firstCertificate(body: Buffer): Buffer | undefined {
  const bytes = body.length >= 6 ? body.readUIntBE(3, 3) : 0;
  return bytes > 0 && 6 + bytes <= body.length ? body.subarray(6, 6 + bytes) : undefined;
}

/**
 * A signature preceded by scheme and length, as in CertificateVerify (RFC 5246 §7.4.8) and ServerKeyExchange. Only the
 * schemes we requested are valid.
 */
export function isSigned(certificate: Uint8Array, signed: Uint8Array, signature: Buffer): boolean {
  if (signature.length < 4 || signature.length !== 4 + signature.readUInt16BE(2)) {
    return false;
  }
  const scheme = signature.readUInt16BE(0);
  if (scheme !== ECDSA_SHA256 && scheme !== RSA_PKCS1_SHA256) {
    return false;
  }
  try {
    const { publicKey } = new X509Certificate(certificate);
    const type = scheme === ECDSA_SHA256 ? 'ec' : 'rsa';
    return publicKey.asymmetricKeyType === type && verify('sha256', signed, publicKey, signature.subarray(4));
  } catch {
    // Not a certificate.
    return false;
  }
}

/** RFC 5246 §7.4.9. @param finished the message's body @param transcript of all messages before it */
export function isFinished(
  finished: Uint8Array,
  masterSecret: Uint8Array,
  role: 'client' | 'server',
  transcript: Uint8Array,
): boolean {
  const hmac = (data: Uint8Array): Buffer => createHmac('sha256', masterSecret).update(data).digest();
  const digest = createHash('sha256').update(transcript).digest();
  // RFC 5246 §5: P_hash of label and digest; its first block is long enough.
  const seed = Buffer.concat([Buffer.from(`${role} finished`), digest]);
  const expected = hmac(Buffer.concat([hmac(seed), seed])).subarray(0, VERIFY_DATA_BYTES);
  return finished.length === VERIFY_DATA_BYTES && timingSafeEqual(finished, expected);
}
