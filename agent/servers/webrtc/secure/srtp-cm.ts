import { type Cipheriv, createCipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { PacketSlots } from '../transport/packet-slots.ts';
import { type Batch, MAX_BATCH, type OutboundTrack, type SrtpSender } from './srtp.ts';
import { AUTH_TAG_BYTES, deriveRtpKeys, type SrtpKeys } from './srtp-keys.ts';

const HEADER_BYTES = 12;
const BLOCK_BYTES = 16;
const MAX_PAYLOAD_BYTES = 1_188;
const MAX_BLOCKS_PER_PACKET = Math.ceil(MAX_PAYLOAD_BYTES / BLOCK_BYTES);

// Shared by all senders: filled and used up within one call.
const counters = new Uint8Array(MAX_BATCH * MAX_BLOCKS_PER_PACKET * BLOCK_BYTES);
const counterWords = new Uint32Array(counters.buffer);
const counterView = new DataView(counters.buffer);
const indexes = new Float64Array(MAX_BATCH);

/**
 * SRTP_AES128_CM_HMAC_SHA1_80 for one viewer, RFC 3711 §4.1.1 and §4.2.1.
 * Counter mode by hand: a long-lived AES-ECB cipher turns the counters of a whole batch into key stream at once,
 * because making a native cipher object costs more than encrypting a packet.
 */
export class SrtpCmSender implements SrtpSender {
  readonly overheadBytes = HEADER_BYTES + AUTH_TAG_BYTES;
  readonly #cipher: Cipheriv;
  readonly #authKey: KeyObject;
  readonly #salt: DataView;

  constructor({ localKey, localSalt }: Pick<SrtpKeys, 'localKey' | 'localSalt'>) {
    const keys = deriveRtpKeys(localKey, localSalt);
    this.#cipher = createCipheriv('aes-128-ecb', keys.cipherKey, null).setAutoPadding(false);
    this.#authKey = createSecretKey(keys.authKey);
    this.#salt = new DataView(keys.salt.buffer, keys.salt.byteOffset, keys.salt.byteLength);
  }

  protect(batch: Batch, source: Uint32Array, slots: PacketSlots, offsets: Uint32Array): void {
    const keyStream = this.#keyStream(batch);
    let streamWord = 0;
    for (let i = 0; i < batch.count; i += 1) {
      const track = batch.tracks[i] as OutboundTrack;
      const length = batch.payloadBytes[i] as number;
      const index = indexes[i] as number;
      const slot = slots.take();
      offsets[i] = slot;
      const view = slots.view;
      view.setUint8(slot, 0x80);
      view.setUint8(slot + 1, ((batch.markers[i] as number) << 7) | track.payloadType);
      view.setUint16(slot + 2, index % 65_536);
      view.setUint32(slot + 4, ((batch.timestamps[i] as number) + track.timestampOffset) >>> 0);
      view.setUint32(slot + 8, track.ssrc);

      const to = (slot + HEADER_BYTES) >>> 2;
      const from = batch.sourceWords[i] as number;
      const words = (length + 3) >>> 2;
      for (let w = 0; w < words; w += 1) {
        slots.words[to + w] = (source[from + w] as number) ^ (keyStream[streamWord + w] as number);
      }
      streamWord += ((length + BLOCK_BYTES - 1) >>> 4) << 2;
      this.#sign(slots, slot, HEADER_BYTES + length, index);
    }
  }

  /** Numbers the packets and makes the key stream of all of them, each rounded up to whole blocks. */
  #keyStream(batch: Batch): Uint32Array {
    let at = 0;
    for (let i = 0; i < batch.count; i += 1) {
      const track = batch.tracks[i] as OutboundTrack;
      const length = batch.payloadBytes[i] as number;
      const blocks = (length + BLOCK_BYTES - 1) >>> 4;
      indexes[i] = track.packetIndex;
      this.#writeCounters(at, blocks, track.ssrc, track.packetIndex);
      at += blocks * BLOCK_BYTES;
      track.packetIndex += 1;
      track.packets += 1;
      track.octets += length;
    }
    const stream = this.#cipher.update(counters.subarray(0, at));
    return stream.byteOffset % 4 === 0
      ? new Uint32Array(stream.buffer, stream.byteOffset, stream.length >>> 2)
      : new Uint32Array(Uint8Array.from(stream).buffer);
  }

  /** RFC 3711 §4.1.1: the block cipher runs over `salt XOR ssrc XOR index`, then a block number in the last 16 bits. */
  #writeCounters(at: number, blocks: number, ssrc: number, index: number): void {
    const salt = this.#salt;
    counterView.setUint32(at, salt.getUint32(0));
    counterView.setUint32(at + 4, salt.getUint32(4) ^ ssrc);
    counterView.setUint32(at + 8, salt.getUint32(8) ^ Math.floor(index / 65_536));
    counterView.setUint32(at + 12, (salt.getUint16(12) ^ (index % 65_536)) << 16);
    const first = at >>> 2;
    const w0 = counterWords[first] as number;
    const w1 = counterWords[first + 1] as number;
    const w2 = counterWords[first + 2] as number;
    const w3 = counterWords[first + 3] as number;
    for (let block = 1; block < blocks; block += 1) {
      const word = first + 4 * block;
      counterWords[word] = w0;
      counterWords[word + 1] = w1;
      counterWords[word + 2] = w2;
      counterWords[word + 3] = w3;
      // At most 75 blocks: the number never leaves the last byte.
      counters[at + BLOCK_BYTES * block + 15] = block;
    }
  }

  /** The tag covers the packet and the roll-over counter, which is not sent (RFC 3711 §4.2). */
  #sign(slots: PacketSlots, slot: number, length: number, index: number): void {
    slots.view.setUint32(slot + length, Math.floor(index / 65_536));
    const covered = slots.bytes.subarray(slot, slot + length + 4);
    const digest = createHmac('sha1', this.#authKey).update(covered).digest();
    for (let i = 0; i < AUTH_TAG_BYTES; i += 1) {
      slots.bytes[slot + length + i] = digest[i] as number;
    }
  }
}
