import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fidm from '@fidm/x509';
import { p256 as curve } from '@noble/curves/p256';
import nacl from 'tweetnacl';
import { expect, test } from 'vitest';
import { CipherContext } from 'werift';
import standIn, { Certificate, PrivateKey, p256 } from './native-crypto.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('P-256 agrees with @noble/curves on keys and secrets', () => {
  const [ours, theirs] = [p256.utils.randomPrivateKey(), curve.utils.randomPrivateKey()];
  expect(hex(p256.getPublicKey(theirs, false))).toBe(hex(curve.getPublicKey(theirs, false)));
  const secret = p256.getSharedSecret(ours, curve.getPublicKey(theirs, false));
  expect(secret).toHaveLength(33);
  expect(hex(secret.subarray(1))).toBe(hex(curve.getSharedSecret(theirs, p256.getPublicKey(ours, false)).subarray(1)));
});

test('a point that is not on the curve is rejected', () => {
  const point = Buffer.from(curve.getPublicKey(curve.utils.randomPrivateKey(), false));
  point[64] = (point[64] ?? 0) ^ 1;
  expect(() => p256.getSharedSecret(p256.utils.randomPrivateKey(), point)).toThrow();
});

test('X25519 agrees with tweetnacl on secrets, and each key has a buffer of its own', () => {
  const [ours, theirs] = [standIn.box.keyPair(), nacl.box.keyPair()];
  expect(ours.secretKey.buffer.byteLength).toBe(32);
  expect(ours.publicKey.buffer.byteLength).toBe(32);
  expect(hex(nacl.scalarMult.base(ours.secretKey))).toBe(hex(ours.publicKey));
  const secret = standIn.scalarMult(ours.secretKey, theirs.publicKey);
  expect(hex(secret)).toBe(hex(nacl.scalarMult(theirs.secretKey, ours.publicKey)));
});

test('certificates and keys are read as @fidm/x509 reads them, and sign', async () => {
  const { certPem, keyPem } = await CipherContext.createSelfSignedCertificateWithKey({ hash: 4, signature: 3 }, 23);
  const [certificate, key] = [Buffer.from(certPem), Buffer.from(keyPem)];
  expect(hex(Certificate.fromPEM(certificate).raw)).toBe(hex(fidm.Certificate.fromPEM(certificate).raw));
  const data = Buffer.from('client and server randoms');
  const signature = PrivateKey.fromPEM(key).sign(data, 'sha256');
  expect(verify('sha256', data, createPublicKey(certPem), signature)).toBe(true);
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  expect(verify('sha256', data, other, signature)).toBe(false);
});

test('werift uses no more of the three packages', () => {
  const source = readFileSync(join(import.meta.dirname, '../node_modules/werift/lib/index.mjs'), 'utf8');
  const used = source.matchAll(/\b(?:p256|nacl2?|(?:Certificate|PrivateKey)(?=\.fromPEM))\.[\w.]+/g);
  expect(new Set(Array.from(used, ([use]) => use))).toEqual(
    new Set([
      'p256.utils.randomPrivateKey',
      'p256.getPublicKey',
      'p256.getSharedSecret',
      'nacl.scalarMult',
      'nacl2.box.keyPair',
      'Certificate.fromPEM',
      'PrivateKey.fromPEM',
    ]),
  );
});
