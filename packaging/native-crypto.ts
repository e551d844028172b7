import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  createSign,
  diffieHellman,
  generateKeyPairSync,
  X509Certificate,
} from 'node:crypto';

/*
 * What werift uses of `@noble/curves`, `tweetnacl` and `@fidm/x509`, by Node's own OpenSSL. In the bundle it stands in
 * for them: a handshake costs less, and 100 kB of scripts are not loaded for the first viewer.
 */

const P256 = 'prime256v1';

/** `@noble/curves/p256` */
export const p256 = {
  utils: {
    randomPrivateKey: (): Uint8Array => {
      const pair = createECDH(P256);
      pair.generateKeys();
      return pair.getPrivateKey();
    },
  },
  /** @returns the uncompressed point */
  getPublicKey(privateKey: Uint8Array, _isCompressed: false): Uint8Array {
    const pair = createECDH(P256);
    pair.setPrivateKey(privateKey);
    return pair.getPublicKey();
  },
  /** @returns the compressed point. Its first byte, the sign of y, is unknown here; werift drops it. */
  getSharedSecret(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
    const pair = createECDH(P256);
    pair.setPrivateKey(privateKey);
    return Buffer.concat([Buffer.of(2), pair.computeSecret(publicKey)]);
  },
};

/** RFC 8410 §10.3 and §4: what precedes the 32 bytes of a key of X25519 in DER. */
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI = Buffer.from('302a300506032b656e032100', 'hex');

/** `tweetnacl` */
// biome-ignore lint/style/noDefaultExport: the package has one
export default {
  box: {
    /** werift takes the whole buffers of both. */
    keyPair(): { secretKey: Uint8Array; publicKey: Uint8Array } {
      const { privateKey, publicKey } = generateKeyPairSync('x25519');
      return {
        secretKey: Uint8Array.from(privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8.length)),
        publicKey: Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI.length)),
      };
    },
  },
  scalarMult: (privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array =>
    diffieHellman({
      privateKey: createPrivateKey({ key: Buffer.concat([PKCS8, privateKey]), format: 'der', type: 'pkcs8' }),
      publicKey: createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' }),
    }),
};

/** `@fidm/x509` */
export const Certificate = {
  fromPEM: (pem: Uint8Array): { raw: Uint8Array } => new X509Certificate(pem),
};

/** `@fidm/x509` */
export const PrivateKey = {
  fromPEM: (pem: Uint8Array) => ({
    toPEM: (): string => Buffer.from(pem).toString(),
    sign: (data: Uint8Array, hash: string): Uint8Array => createSign(hash).update(data).sign(Buffer.from(pem)),
  }),
};
