import { createCipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { AUTH_TAG_BYTES, deriveRtcpKeys, type SessionKeys, type SrtpKeys } from './srtp-keys.ts';

/** Header and SSRC of the first packet stay readable, RFC 3711 §3.4. */
const CLEAR_BYTES = 8;
/** E bit and 31-bit index after the encrypted part. */
const INDEX_BYTES = 4;
const ENCRYPTED_FLAG = 0x8000_0000;

/** SRTCP with AES-CM and HMAC-SHA1-80, one direction each way. A few packets a second: plain ciphers are enough. */
export class Srtcp {
  readonly #local: SessionKeys;
  readonly #remote: SessionKeys;
  #nextIndex = 1;
  #highestIndex = -1;

  constructor({ localKey, localSalt, remoteKey, remoteSalt }: SrtpKeys) {
    this.#local = deriveRtcpKeys(localKey, localSalt);
    this.#remote = deriveRtcpKeys(remoteKey, remoteSalt);
  }

  /** @param compound a compound RTCP packet */
  protect(compound: Uint8Array): Buffer {
    const index = this.#nextIndex;
    this.#nextIndex += 1;
    const ssrc = Buffer.from(compound.buffer, compound.byteOffset, compound.byteLength).readUInt32BE(4);
    const body = crypt(this.#local, ssrc, index, compound.subarray(CLEAR_BYTES));
    const trailer = Buffer.alloc(INDEX_BYTES);
    trailer.writeUInt32BE((ENCRYPTED_FLAG | index) >>> 0);
    const covered = Buffer.concat([compound.subarray(0, CLEAR_BYTES), body, trailer]);
    return Buffer.concat([covered, tagOf(this.#local, covered)]);
  }

  /** @returns the compound packet; undefined for one that is damaged, foreign or comes a second time */
  unprotect(packet: Buffer): Buffer | undefined {
    const coveredBytes = packet.length - AUTH_TAG_BYTES;
    if (coveredBytes < CLEAR_BYTES + INDEX_BYTES) {
      return undefined;
    }
    const covered = packet.subarray(0, coveredBytes);
    if (!timingSafeEqual(packet.subarray(coveredBytes), tagOf(this.#remote, covered))) {
      return undefined;
    }
    const trailer = packet.readUInt32BE(coveredBytes - INDEX_BYTES);
    const index = (trailer & ~ENCRYPTED_FLAG) >>> 0;
    // Reports overtake each other rarely and the older one is of no use then: no window, only forward (§3.3.2).
    if (index <= this.#highestIndex) {
      return undefined;
    }
    this.#highestIndex = index;
    const body = packet.subarray(CLEAR_BYTES, coveredBytes - INDEX_BYTES);
    const isEncrypted = trailer >= ENCRYPTED_FLAG;
    const plain = isEncrypted ? crypt(this.#remote, packet.readUInt32BE(4), index, body) : body;
    return Buffer.concat([packet.subarray(0, CLEAR_BYTES), plain]);
  }
}

/** Counter mode is its own inverse; the counter starts at `salt XOR ssrc XOR index`, RFC 3711 §4.1.1. */
function crypt(keys: SessionKeys, ssrc: number, index: number, body: Uint8Array): Buffer {
  const counter = Buffer.alloc(16);
  counter.set(keys.salt);
  counter.writeUInt32BE((counter.readUInt32BE(4) ^ ssrc) >>> 0, 4);
  counter.writeUInt32BE((counter.readUInt32BE(10) ^ index) >>> 0, 10);
  return createCipheriv('aes-128-ctr', keys.cipherKey, counter).update(body);
}

function tagOf(keys: SessionKeys, covered: Uint8Array): Buffer {
  return createHmac('sha1', keys.authKey).update(covered).digest().subarray(0, AUTH_TAG_BYTES);
}
