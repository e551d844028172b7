import { createCipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { GcmNonce, TAG_BYTES } from './gcm-nonce.ts';
import type { PacketSlots } from './packet-slots.ts';
import { type Batch, HEADER_BYTES, type OutboundTrack, type SrtpSender, writeHeader } from './srtp.ts';
import { SrtpCmSender } from './srtp-cm.ts';
import { AEAD_AES_128_GCM, deriveRtpKeys, type SrtpKeys } from './srtp-keys.ts';

export function createSrtpSender(keys: SrtpKeys): SrtpSender {
  return keys.profile === AEAD_AES_128_GCM ? new SrtpGcmSender(keys) : new SrtpCmSender(keys);
}

/**
 * AEAD_AES_128_GCM for one viewer, RFC 7714 §8. Node cannot change a cipher object's nonce, so each packet has its own.
 */
class SrtpGcmSender implements SrtpSender {
  readonly overheadBytes = HEADER_BYTES + TAG_BYTES;
  readonly #key: KeyObject;
  readonly #nonce: GcmNonce;

  constructor({ localKey, localSalt }: Pick<SrtpKeys, 'localKey' | 'localSalt'>) {
    const keys = deriveRtpKeys(localKey, localSalt);
    this.#key = createSecretKey(keys.cipherKey);
    this.#nonce = new GcmNonce(keys.salt);
  }

  protect(batch: Batch, source: Uint32Array, slots: PacketSlots, offsets: Uint32Array): void {
    const { bytes } = slots;
    for (let i = 0; i < batch.count; i += 1) {
      const track = batch.tracks[i] as OutboundTrack;
      const length = batch.payloadBytes[i] as number;
      const index = track.packetIndex;
      track.packetIndex = index + 1;
      track.packets += 1;
      track.octets += length;
      const slot = slots.take();
      offsets[i] = slot;
      writeHeader(batch, i, index, slots, slot);

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
