import { createDecipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { AUTH_TAG_BYTES } from '../../../media/rtp/header.ts';
import { CmKeyStream } from './cm-key-stream.ts';
import { GcmNonce, TAG_BYTES } from './gcm-nonce.ts';
import { ReplayWindow } from './replay-window.ts';
import type { PacketOpener } from './srtp.ts';
import { AEAD_AES_128_GCM, deriveRtpKeys, type SrtpKeys } from './srtp-keys.ts';

const FIXED_HEADER_BYTES = 12;
const EXTENSION_HEADER_BYTES = 4;
/** The most SSRCs: those of two tracks, their retransmissions and some abandoned by a publisher; 0.4 kB each. */
const MAX_SSRCS = 16;
/** A sender starts below 2^16 at any sequence number: this many packets may be lost before the first one. */
const MAX_LOST_AT_START = 1_024;

interface RollOverCounter {
  readonly ssrc: number;
  readonly rollOverCounter: number;
}

/** Decrypts a peer's SRTP with either profile (RFC 3711 §3.3, RFC 7714 §8), up to 16 SSRCs. */
export class SrtpReceiver {
  readonly #opener: PacketOpener;
  readonly #counters: readonly RollOverCounter[];
  readonly #maxPacketBytes: number;
  readonly #windows = new Map<number, ReplayWindow>();

  /**
   * @param counters of streams that have wrapped before; a single one holds for every SSRC
   * @param maxPacketBytes larger packets are rejected; by default those that need jumbo frames
   */
  constructor(keys: SrtpKeys, counters: readonly RollOverCounter[] = [], maxPacketBytes = 2_048) {
    this.#counters = counters;
    this.#maxPacketBytes = maxPacketBytes;
    this.#opener = keys.profile === AEAD_AES_128_GCM ? new SrtpGcmOpener(keys) : new SrtpCmOpener(keys);
  }

  /**
   * Decrypts in place.
   * @returns length of the RTP packet including padding; 0: damaged, forged, repeated or too old
   */
  unprotect(packet: Buffer): number {
    const plainBytes = packet.length - this.#opener.tagBytes;
    const headerBytes = headerBytesOf(packet, plainBytes);
    if (headerBytes === 0 || packet.length > this.#maxPacketBytes) {
      return 0;
    }
    const sequence = packet.readUInt16BE(2);
    const ssrc = packet.readUInt32BE(8);
    const window = this.#windows.get(ssrc);
    if (!window) {
      return this.#openFirst(packet, headerBytes, ssrc, sequence) ? plainBytes : 0;
    }
    const index = window.estimate(sequence);
    if (!window.isNew(index) || !this.#opener.open(packet, headerBytes, ssrc, index)) {
      return 0;
    }
    window.accept(index);
    return plainBytes;
  }

  /** The roll-over counter is the known one, or next to it if the sequence has wrapped since or packets before the wrap follow. */
  #openFirst(packet: Buffer, headerBytes: number, ssrc: number, sequence: number): boolean {
    if (this.#windows.size >= MAX_SSRCS) {
      return false;
    }
    const only = this.#counters.length === 1 ? this.#counters[0] : undefined;
    const known = this.#counters.find((counter) => counter.ssrc === ssrc) ?? only;
    let index = sequence + 65_536 * (known?.rollOverCounter ?? 0);
    let isOpen = this.#opener.open(packet, headerBytes, ssrc, index);
    const isNearWrap = sequence < MAX_LOST_AT_START || (index >= 65_536 && sequence >= 65_536 - MAX_LOST_AT_START);
    if (!isOpen && isNearWrap) {
      index += sequence < MAX_LOST_AT_START ? 65_536 : -65_536;
      isOpen = this.#opener.open(packet, headerBytes, ssrc, index);
    }
    if (isOpen) {
      this.#windows.set(ssrc, new ReplayWindow(index));
    }
    return isOpen;
  }
}

/** RFC 3550 §5.1: fixed header, CSRCs, extension; not encrypted. 0: not RTP, or truncated. */
function headerBytesOf(packet: Buffer, plainBytes: number): number {
  if (plainBytes < FIXED_HEADER_BYTES || (packet[0] as number) >> 6 !== 2) {
    return 0;
  }
  const flags = packet[0] as number;
  let bytes = FIXED_HEADER_BYTES + 4 * (flags & 0x0f);
  if ((flags & 0x10) !== 0) {
    if (bytes + EXTENSION_HEADER_BYTES > plainBytes) {
      return 0;
    }
    bytes += EXTENSION_HEADER_BYTES + 4 * packet.readUInt16BE(bytes + 2);
  }
  return bytes <= plainBytes ? bytes : 0;
}

const ROC_BYTES = 4;

/** SRTP_AES128_CM_HMAC_SHA1_80, RFC 3711 §4.1.1 and §4.2.1. */
class SrtpCmOpener implements PacketOpener {
  readonly tagBytes = AUTH_TAG_BYTES;
  readonly #keyStream: CmKeyStream;
  readonly #authKey: KeyObject;
  readonly #tag = new Uint8Array(AUTH_TAG_BYTES);

  constructor({ remoteKey, remoteSalt }: Pick<SrtpKeys, 'remoteKey' | 'remoteSalt'>) {
    const keys = deriveRtpKeys(remoteKey, remoteSalt);
    this.#keyStream = new CmKeyStream(keys);
    this.#authKey = createSecretKey(keys.authKey);
  }

  open(packet: Buffer, headerBytes: number, ssrc: number, index: number): boolean {
    const end = packet.length - AUTH_TAG_BYTES;
    if (!this.#isAuthentic(packet, end, index)) {
      return false;
    }
    this.#keyStream.apply(packet, headerBytes, end, ssrc, index);
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

/** AEAD_AES_128_GCM, RFC 7714 §8: authenticates header and payload; the tag comes last. */
class SrtpGcmOpener implements PacketOpener {
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
