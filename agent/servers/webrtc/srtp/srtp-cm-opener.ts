import { type Cipheriv, createCipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { CmCounters } from './cm-counters.ts';
import type { PacketOpener } from './srtp.ts';
import { AUTH_TAG_BYTES, deriveRtpKeys, type SrtpKeys } from './srtp-keys.ts';

const BLOCK_BYTES = 16;
const ROC_BYTES = 4;

/** SRTP_AES128_CM_HMAC_SHA1_80, RFC 3711 §4.1.1 and §4.2.1. */
export class SrtpCmOpener implements PacketOpener {
  readonly tagBytes = AUTH_TAG_BYTES;
  readonly #cipher: Cipheriv;
  readonly #authKey: KeyObject;
  readonly #counters: CmCounters;
  readonly #tag = new Uint8Array(AUTH_TAG_BYTES);

  constructor({ remoteKey, remoteSalt }: Pick<SrtpKeys, 'remoteKey' | 'remoteSalt'>) {
    const keys = deriveRtpKeys(remoteKey, remoteSalt);
    this.#cipher = createCipheriv('aes-128-ecb', keys.cipherKey, null).setAutoPadding(false);
    this.#authKey = createSecretKey(keys.authKey);
    this.#counters = new CmCounters(keys.salt);
  }

  open(packet: Buffer, headerBytes: number, ssrc: number, index: number): boolean {
    const end = packet.length - AUTH_TAG_BYTES;
    if (!this.#isAuthentic(packet, end, index)) {
      return false;
    }
    const blocks = (end - headerBytes + BLOCK_BYTES - 1) >>> 4;
    if (blocks > 0) {
      this.#counters.write(0, blocks, ssrc, index);
      const keyStream = this.#cipher.update(this.#counters.first(blocks));
      for (let at = headerBytes, i = 0; at < end; at += 1, i += 1) {
        packet[at] = (packet[at] as number) ^ (keyStream[i] as number);
      }
    }
    return true;
  }

  /** The tag covers the packet and the roll-over counter (§4.2), which temporarily replaces the tag. */
  #isAuthentic(packet: Buffer, end: number, index: number): boolean {
    const tag = this.#tag;
    for (let i = 0; i < AUTH_TAG_BYTES; i += 1) {
      tag[i] = packet[end + i] as number;
    }
    packet.writeUInt32BE(Math.floor(index / 65_536), end);
    const digest = createHmac('sha1', this.#authKey)
      .update(packet.subarray(0, end + ROC_BYTES))
      .digest();
    let difference = 0;
    for (let i = 0; i < AUTH_TAG_BYTES; i += 1) {
      difference |= (tag[i] as number) ^ (digest[i] as number);
      packet[end + i] = tag[i] as number;
    }
    return difference === 0;
  }
}
