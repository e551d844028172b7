import { createCipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { CLEAR_BYTES, ENCRYPTED_FLAG, INDEX_BYTES, type SrtcpCipher } from './srtcp-cipher.ts';
import { AUTH_TAG_BYTES, deriveRtcpKeys, type SessionKeys, type SrtpKeys } from './srtp-keys.ts';

/** SRTCP with AES-CM and HMAC-SHA1-80, RFC 3711 §3.4: the index, then a tag over everything. */
export class SrtcpCm implements SrtcpCipher {
  readonly overheadBytes = INDEX_BYTES + AUTH_TAG_BYTES;
  readonly #local: SessionKeys;
  readonly #remote: SessionKeys;

  constructor({ localKey, localSalt, remoteKey, remoteSalt }: SrtpKeys) {
    this.#local = deriveRtcpKeys(localKey, localSalt);
    this.#remote = deriveRtcpKeys(remoteKey, remoteSalt);
  }

  trailerOf(packet: Buffer): number {
    return packet.readUInt32BE(packet.length - this.overheadBytes);
  }

  seal(compound: Uint8Array, ssrc: number, index: number): Buffer {
    const body = crypt(this.#local, ssrc, index, compound.subarray(CLEAR_BYTES));
    const trailer = Buffer.alloc(INDEX_BYTES);
    trailer.writeUInt32BE((ENCRYPTED_FLAG | index) >>> 0);
    const covered = Buffer.concat([compound.subarray(0, CLEAR_BYTES), body, trailer]);
    return Buffer.concat([covered, tagOf(this.#local, covered)]);
  }

  open(packet: Buffer, ssrc: number, trailer: number): Buffer | undefined {
    const covered = packet.subarray(0, packet.length - AUTH_TAG_BYTES);
    if (!timingSafeEqual(packet.subarray(covered.length), tagOf(this.#remote, covered))) {
      return undefined;
    }
    const body = packet.subarray(CLEAR_BYTES, packet.length - this.overheadBytes);
    const isEncrypted = trailer >= ENCRYPTED_FLAG;
    const plain = isEncrypted ? crypt(this.#remote, ssrc, trailer - ENCRYPTED_FLAG, body) : body;
    return Buffer.concat([packet.subarray(0, CLEAR_BYTES), plain]);
  }
}

/** Counter mode is its own inverse. The counter starts at `salt XOR ssrc XOR index`, RFC 3711 §4.1.1. */
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
