import { type Cipheriv, createCipheriv } from 'node:crypto';
import { AUTH_TAG_BYTES } from '../../../media/rtp/header.ts';
import { SLOT_BYTES } from '../../../native/packet-memory.ts';
import { CmCounters } from './cm-counters.ts';
import {
  type Batch,
  HEADER_BYTES,
  MAX_BATCH,
  type OutboundTrack,
  packets,
  type SrtpSender,
  writeHeader,
} from './srtp.ts';
import { deriveRtpKeys, type SrtpKeys } from './srtp-keys.ts';
import { createSrtpSigner, type SrtpSigner } from './srtp-signer.ts';

const BLOCK_BYTES = 16;

// Shared by all senders: filled and used within one call.
const indexes = new Float64Array(MAX_BATCH);

/**
 * SRTP_AES128_CM_HMAC_SHA1_80 for one viewer, RFC 3711 §4.1.1 and §4.2.1. A long-lived AES-ECB cipher encrypts the
 * counters of a whole batch at once: creating a native cipher object costs more than encrypting a packet.
 */
export class SrtpCmSender implements SrtpSender {
  readonly overheadBytes = HEADER_BYTES + AUTH_TAG_BYTES;
  readonly #cipher: Cipheriv;
  readonly #signer: SrtpSigner;
  readonly #counters: CmCounters;

  constructor({ localKey, localSalt }: Pick<SrtpKeys, 'localKey' | 'localSalt'>) {
    const keys = deriveRtpKeys(localKey, localSalt);
    this.#cipher = createCipheriv('aes-128-ecb', keys.cipherKey, null).setAutoPadding(false);
    this.#signer = createSrtpSigner(keys.authKey);
    this.#counters = new CmCounters(keys.salt);
  }

  protect(batch: Batch, source: Uint32Array): void {
    const keyStream = this.#keyStream(batch);
    const { words } = packets;
    let streamWord = 0;
    for (let i = 0; i < batch.count; i += 1) {
      const length = batch.payloadBytes[i] as number;
      const index = indexes[i] as number;
      writeHeader(batch, i, index);

      const to = (SLOT_BYTES * i + HEADER_BYTES) >>> 2;
      const from = batch.sourceWords[i] as number;
      const payloadWords = (length + 3) >>> 2;
      for (let w = 0; w < payloadWords; w += 1) {
        words[to + w] = (source[from + w] as number) ^ (keyStream[streamWord + w] as number);
      }
      streamWord += ((length + BLOCK_BYTES - 1) >>> 4) << 2;
      this.#signer.add(packets, SLOT_BYTES * i, HEADER_BYTES + length, Math.floor(index / 65_536));
      packets.lengths[i] = length + this.overheadBytes;
    }
    this.#signer.finish(packets);
  }

  /** Numbers the packets and generates their key stream, each rounded up to whole blocks. */
  #keyStream(batch: Batch): Uint32Array {
    let at = 0;
    for (let i = 0; i < batch.count; i += 1) {
      const track = batch.tracks[i] as OutboundTrack;
      const length = batch.payloadBytes[i] as number;
      const blocks = (length + BLOCK_BYTES - 1) >>> 4;
      indexes[i] = track.packetIndex;
      this.#counters.write(at, blocks, track.ssrc, track.packetIndex);
      at += blocks * BLOCK_BYTES;
      track.packetIndex += 1;
      track.packets += 1;
      track.octets += length;
    }
    const stream = this.#cipher.update(this.#counters.first(at >>> 4));
    return stream.byteOffset % 4 === 0
      ? new Uint32Array(stream.buffer, stream.byteOffset, stream.length >>> 2)
      : new Uint32Array(Uint8Array.from(stream).buffer);
  }
}
