import { createCipheriv } from 'node:crypto';

/** DTLS numbers of the supported profiles (RFC 5764 §4.1.2, RFC 7714 §14.2). */
export type SrtpProfile = typeof AES128_CM_HMAC_SHA1_80 | typeof AEAD_AES_128_GCM;
export const AES128_CM_HMAC_SHA1_80 = 1;
export const AEAD_AES_128_GCM = 7;

/** Master key (16 bytes) and salt (14 bytes, with GCM 12) of both directions from DTLS (RFC 5764 §4.2). */
export interface SrtpKeys {
  readonly profile: SrtpProfile;
  readonly localKey: Uint8Array;
  readonly localSalt: Uint8Array;
  readonly remoteKey: Uint8Array;
  readonly remoteSalt: Uint8Array;
}

export const MASTER_KEY_BYTES = 16;
export const masterSaltBytesOf = (profile: SrtpProfile): number => (profile === AEAD_AES_128_GCM ? 12 : 14);

/** Session keys of one direction. GCM uses no authentication key and only 12 bytes of salt. */
export interface SessionKeys {
  readonly cipherKey: Uint8Array;
  readonly authKey: Uint8Array;
  readonly salt: Uint8Array;
}

const CIPHER_KEY_BYTES = 16;
const AUTH_KEY_BYTES = 20;
const SALT_BYTES = 14;

// RFC 3711 §4.3.2: encryption, authentication, salt; RTCP's three follow.
const RTP_LABEL = 0;
const RTCP_LABEL = 3;

export const deriveRtpKeys = (key: Uint8Array, salt: Uint8Array): SessionKeys => derive(key, salt, RTP_LABEL);
export const deriveRtcpKeys = (key: Uint8Array, salt: Uint8Array): SessionKeys => derive(key, salt, RTCP_LABEL);

/** RFC 3711 §4.3.3, key derivation rate 0: AES-CM over a counter of label and master salt. */
function derive(key: Uint8Array, salt: Uint8Array, firstLabel: number): SessionKeys {
  const one = (label: number, length: number): Uint8Array => {
    const counter = Buffer.alloc(16);
    // A 12-byte salt is padded with two zeros, RFC 7714 §11.
    counter.set(salt.subarray(0, SALT_BYTES));
    counter[7] = (counter[7] as number) ^ label;
    return createCipheriv('aes-128-ctr', key, counter).update(Buffer.alloc(length));
  };
  return {
    cipherKey: one(firstLabel, CIPHER_KEY_BYTES),
    authKey: one(firstLabel + 1, AUTH_KEY_BYTES),
    salt: one(firstLabel + 2, SALT_BYTES),
  };
}
