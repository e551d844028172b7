import { createCipheriv, createDecipheriv } from 'node:crypto';
import { GcmNonce, TAG_BYTES } from './gcm-nonce.ts';
import { CLEAR_BYTES, ENCRYPTED_FLAG, INDEX_BYTES, type SrtcpCipher } from './srtcp-cipher.ts';
import { deriveRtcpKeys, type SessionKeys, type SrtpKeys } from './srtp-keys.ts';

/** SRTCP with AEAD_AES_128_GCM, RFC 7714 §9: the tag precedes the index, which is authenticated with the header. */
export class SrtcpGcm implements SrtcpCipher {
  readonly overheadBytes = TAG_BYTES + INDEX_BYTES;
  readonly #local: SessionKeys;
  readonly #remote: SessionKeys;

  constructor({ localKey, localSalt, remoteKey, remoteSalt }: SrtpKeys) {
    this.#local = deriveRtcpKeys(localKey, localSalt);
    this.#remote = deriveRtcpKeys(remoteKey, remoteSalt);
  }

  trailerOf(packet: Buffer): number {
    return packet.readUInt32BE(packet.length - INDEX_BYTES);
  }

  seal(compound: Uint8Array, ssrc: number, index: number): Buffer {
    const header = compound.subarray(0, CLEAR_BYTES);
    const trailer = Buffer.alloc(INDEX_BYTES);
    trailer.writeUInt32BE((ENCRYPTED_FLAG | index) >>> 0);
    const nonce = new GcmNonce(this.#local.salt).forRtcp(ssrc, index);
    const cipher = createCipheriv('aes-128-gcm', this.#local.cipherKey, nonce);
    cipher.setAAD(Buffer.concat([header, trailer]));
    const body = cipher.update(compound.subarray(CLEAR_BYTES));
    cipher.final();
    return Buffer.concat([header, body, cipher.getAuthTag(), trailer]);
  }

  open(packet: Buffer, ssrc: number, trailer: number): Buffer | undefined {
    const tagAt = packet.length - this.overheadBytes;
    // Unencrypted packets are authenticated only (RFC 7714 §9.3).
    const isEncrypted = trailer >= ENCRYPTED_FLAG;
    const clearBytes = isEncrypted ? CLEAR_BYTES : tagAt;
    const clear = packet.subarray(0, clearBytes);
    const nonce = new GcmNonce(this.#remote.salt).forRtcp(ssrc, trailer % ENCRYPTED_FLAG);
    const decipher = createDecipheriv('aes-128-gcm', this.#remote.cipherKey, nonce);
    decipher.setAAD(Buffer.concat([clear, packet.subarray(packet.length - INDEX_BYTES)]));
    decipher.setAuthTag(packet.subarray(tagAt, tagAt + TAG_BYTES));
    const plain = decipher.update(packet.subarray(clearBytes, tagAt));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return Buffer.concat([clear, plain]);
  }
}
