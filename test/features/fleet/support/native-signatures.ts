import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { createRequire } from 'node:module';

type Bytes = Uint8Array;
interface Nacl {
  readonly sign: {
    detached: ((message: Bytes, secretKey: Bytes) => Bytes) & {
      verify: (message: Bytes, signature: Bytes, publicKey: Bytes) => boolean;
    };
    readonly keyPair: { fromSeed: (seed: Bytes) => { readonly publicKey: Bytes; readonly secretKey: Bytes } };
  };
}

const require = createRequire(import.meta.url);
const text = (bytes: Bytes) => Buffer.from(bytes).toString('base64url');
/** RFC 8410 §7: what comes before the 32 bytes of an Ed25519 key. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

const secretOf = (seed: Bytes): KeyObject =>
  createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
const publicOf = (key: Bytes): KeyObject =>
  createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: text(key) }, format: 'jwk' });

/**
 * The client of NATS signs in JavaScript, 20 ms and more a login, of which each box has one: here one processor has those of all boxes. From
 * now on OpenSSL computes the same signatures.
 */
export function signNatively(): void {
  const nacl = require('tweetnacl') as Nacl;
  nacl.sign.keyPair.fromSeed = (seed) => {
    const { x = '' } = createPublicKey(secretOf(seed)).export({ format: 'jwk' });
    const publicKey = new Uint8Array(Buffer.from(x, 'base64url'));
    return { publicKey, secretKey: Uint8Array.from([...seed, ...publicKey]) };
  };
  nacl.sign.detached = Object.assign(
    (message: Bytes, secretKey: Bytes) => new Uint8Array(sign(null, message, secretOf(secretKey.subarray(0, 32)))),
    {
      verify: (message: Bytes, signature: Bytes, publicKey: Bytes) =>
        verify(null, message, publicOf(publicKey), signature),
    },
  );
}
