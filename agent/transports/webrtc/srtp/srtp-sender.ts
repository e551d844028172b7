import { createCipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import type { GcmCipher } from '../../../native/gcm-cipher.ts';
import { openGcmCipher } from '../../../native/native.ts';
import { SLOT_BYTES } from '../../../native/packet-memory.ts';
import { GcmNonce, TAG_BYTES } from './gcm-nonce.ts';
import { type Batch, HEADER_BYTES, type OutboundTrack, packets, type SrtpSender, writeHeader } from './srtp.ts';
import { SrtpCmSender } from './srtp-cm.ts';
import { AEAD_AES_128_GCM, deriveRtpKeys, type SrtpKeys } from './srtp-keys.ts';

let native: GcmCipher | undefined;
let hasTried = false;

/** One cipher for all viewers, opened by the first call. */
export function nativeCipher(): GcmCipher | undefined {
  if (!hasTried) {
    hasTried = true;
    native = openGcmCipher(packets, HEADER_BYTES);
  }
  return native;
}

export function createSrtpSender(keys: SrtpKeys): SrtpSender {
  if (keys.profile !== AEAD_AES_128_GCM) {
    return new SrtpCmSender(keys);
  }
  const cipher = nativeCipher();
  return cipher ? new NativeGcmSender(keys, cipher) : new GcmSender(keys);
}

/** AEAD_AES_128_GCM for one viewer, RFC 7714 §8. */
class NativeGcmSender implements SrtpSender {
  readonly overheadBytes = HEADER_BYTES + TAG_BYTES;
  readonly #cipher: GcmCipher;
  readonly #key: Uint8Array;
  readonly #nonce: GcmNonce;

  constructor({ localKey, localSalt }: Pick<SrtpKeys, 'localKey' | 'localSalt'>, cipher: GcmCipher) {
    const keys = deriveRtpKeys(localKey, localSalt);
    this.#cipher = cipher;
    this.#key = keys.cipherKey;
    this.#nonce = new GcmNonce(keys.salt);
  }

  protect(batch: Batch, source: Uint32Array): void {
    this.#cipher.useKey(this.#key);
    this.#cipher.useSource(source);
    for (let i = 0; i < batch.count; i += 1) {
      const track = batch.tracks[i] as OutboundTrack;
      const index = startPacket(batch, i, track);
      const from = Uint32Array.BYTES_PER_ELEMENT * (batch.sourceWords[i] as number);
      this.#cipher.seal(i, this.#nonce.forRtp(track.ssrc, index), from, batch.payloadBytes[i] as number);
    }
  }
}

/** AEAD_AES_128_GCM by `node:crypto`, which cannot change a cipher object's nonce: each packet has its own object. */
class GcmSender implements SrtpSender {
  readonly overheadBytes = HEADER_BYTES + TAG_BYTES;
  readonly #key: KeyObject;
  readonly #nonce: GcmNonce;

  constructor({ localKey, localSalt }: Pick<SrtpKeys, 'localKey' | 'localSalt'>) {
    const keys = deriveRtpKeys(localKey, localSalt);
    this.#key = createSecretKey(keys.cipherKey);
    this.#nonce = new GcmNonce(keys.salt);
  }

  protect(batch: Batch, source: Uint32Array): void {
    const { bytes } = packets;
    for (let i = 0; i < batch.count; i += 1) {
      const track = batch.tracks[i] as OutboundTrack;
      const index = startPacket(batch, i, track);
      const length = batch.payloadBytes[i] as number;
      const slot = SLOT_BYTES * i;
      const cipher = createCipheriv('aes-128-gcm', this.#key, this.#nonce.forRtp(track.ssrc, index));
      const payloadAt = slot + HEADER_BYTES;
      cipher.setAAD(new Uint8Array(bytes.buffer, slot, HEADER_BYTES));
      const from = source.byteOffset + 4 * (batch.sourceWords[i] as number);
      bytes.set(cipher.update(new Uint8Array(source.buffer, from, length)), payloadAt);
      cipher.final();
      bytes.set(cipher.getAuthTag(), payloadAt + length);
    }
  }
}

/** Numbers a packet, counts it and writes its header. @returns its index */
function startPacket(batch: Batch, i: number, track: OutboundTrack): number {
  const length = batch.payloadBytes[i] as number;
  const index = track.packetIndex;
  track.packetIndex = index + 1;
  track.packets += 1;
  track.octets += length;
  packets.lengths[i] = HEADER_BYTES + length + TAG_BYTES;
  writeHeader(batch, i, index);
  return index;
}
