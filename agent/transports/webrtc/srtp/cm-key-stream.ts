import { type Cipheriv, createCipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { AUTH_TAG_BYTES } from '../../../media/rtp/header.ts';
import { CmCounters } from './cm-counters.ts';
import { deriveRtpKeys, type SessionKeys } from './srtp-keys.ts';

const HEADER_BYTES = 12;
const BLOCK_BYTES = 16;

/** AES-CM of one packet at a time, of any length, RFC 3711 §4.1.1. */
export class CmKeyStream {
  readonly #cipher: Cipheriv;
  readonly #keys: SessionKeys;
  readonly #counters: CmCounters;

  constructor(keys: SessionKeys) {
    this.#cipher = createCipheriv('aes-128-ecb', keys.cipherKey, null).setAutoPadding(false);
    this.#keys = keys;
    this.#counters = new CmCounters(keys.salt);
  }

  /**
   * Encrypts or decrypts `packet[start, end)` in place.
   * @param index 48 bits: roll-over counter and sequence number
   */
  apply(packet: Buffer, start: number, end: number, ssrc: number, index: number): void {
    const blocks = (end - start + BLOCK_BYTES - 1) >>> 4;
    if (blocks === 0) {
      return;
    }
    // The most blocks per call: `CmCounters` counts in one byte.
    const keyStream = blocks <= 255 ? this.#short(blocks, ssrc, index) : this.#long(blocks, ssrc, index);
    for (let at = start, i = 0; at < end; at += 1, i += 1) {
      packet[at] = (packet[at] as number) ^ (keyStream[i] as number);
    }
  }

  #short(blocks: number, ssrc: number, index: number): Uint8Array {
    this.#counters.write(0, blocks, ssrc, index);
    return this.#cipher.update(this.#counters.first(blocks));
  }

  /** Parameter sets in one packet, and packets of unknown formats. */
  #long(blocks: number, ssrc: number, index: number): Uint8Array {
    const counter = Buffer.alloc(BLOCK_BYTES);
    counter.set(this.#keys.salt);
    counter.writeUInt32BE((counter.readUInt32BE(4) ^ ssrc) >>> 0, 4);
    counter.writeUInt32BE((counter.readUInt32BE(8) ^ Math.floor(index / 65_536)) >>> 0, 8);
    counter.writeUInt16BE(counter.readUInt16BE(12) ^ (index % 65_536), 12);
    return createCipheriv('aes-128-ctr', this.#keys.cipherKey, counter).update(Buffer.alloc(blocks * BLOCK_BYTES));
  }
}

/** Encrypts RTP packets that are already made: SRTP_AES128_CM_HMAC_SHA1_80, RFC 3711 §4.1.1 and §4.2.1. */
export class PacketProtector {
  readonly #keyStream: CmKeyStream;
  readonly #authKey: KeyObject;

  constructor(masterKey: Uint8Array, masterSalt: Uint8Array) {
    const keys = deriveRtpKeys(masterKey, masterSalt);
    this.#keyStream = new CmKeyStream(keys);
    this.#authKey = createSecretKey(keys.authKey);
  }

  /**
   * Encrypts and signs a packet in place. It must have neither CSRCs nor extensions.
   * @param packet with room for the tag after it
   * @param index 48 bits: roll-over counter and sequence number
   */
  protect(packet: Buffer, index: number): void {
    const end = packet.length - AUTH_TAG_BYTES;
    this.#keyStream.apply(packet, HEADER_BYTES, end, packet.readUInt32BE(8), index);
    // The tag covers the roll-over counter, which is not sent.
    packet.writeUInt32BE(Math.floor(index / 65_536), end);
    const digest = createHmac('sha1', this.#authKey)
      .update(packet.subarray(0, end + 4))
      .digest();
    for (let i = 0; i < AUTH_TAG_BYTES; i += 1) {
      packet[end + i] = digest[i] as number;
    }
  }
}
