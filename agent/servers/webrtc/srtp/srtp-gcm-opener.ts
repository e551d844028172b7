import { createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { GcmNonce, TAG_BYTES } from './gcm-nonce.ts';
import type { PacketOpener } from './srtp.ts';
import { deriveRtpKeys, type SrtpKeys } from './srtp-keys.ts';

/** AEAD_AES_128_GCM, RFC 7714 §8: authenticates header and payload; the tag comes last. */
export class SrtpGcmOpener implements PacketOpener {
  readonly tagBytes = TAG_BYTES;
  readonly #key: KeyObject;
  readonly #nonce: GcmNonce;

  constructor({ remoteKey, remoteSalt }: Pick<SrtpKeys, 'remoteKey' | 'remoteSalt'>) {
    const keys = deriveRtpKeys(remoteKey, remoteSalt);
    this.#key = createSecretKey(keys.cipherKey);
    this.#nonce = new GcmNonce(keys.salt);
  }

  open(packet: Buffer, headerBytes: number, ssrc: number, index: number): boolean {
    const tagAt = packet.length - TAG_BYTES;
    const decipher = createDecipheriv('aes-128-gcm', this.#key, this.#nonce.forRtp(ssrc, index));
    decipher.setAAD(packet.subarray(0, headerBytes));
    decipher.setAuthTag(packet.subarray(tagAt));
    const plain = decipher.update(packet.subarray(headerBytes, tagAt));
    try {
      decipher.final();
    } catch {
      return false;
    }
    packet.set(plain, headerBytes);
    return true;
  }
}
