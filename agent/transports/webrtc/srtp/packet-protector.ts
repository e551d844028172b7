import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { AUTH_TAG_BYTES } from '../../../media/rtp/header.ts';
import { CmKeyStream } from './cm-key-stream.ts';
import { deriveRtpKeys } from './srtp-keys.ts';

const HEADER_BYTES = 12;

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
