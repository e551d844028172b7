import { ReplayWindow } from './replay-window.ts';
import type { PacketOpener } from './srtp.ts';
import { SrtpCmOpener } from './srtp-cm-opener.ts';
import { SrtpGcmOpener } from './srtp-gcm-opener.ts';
import { AEAD_AES_128_GCM, type SrtpKeys } from './srtp-keys.ts';

const FIXED_HEADER_BYTES = 12;
const EXTENSION_HEADER_BYTES = 4;
/** The limit without jumbo frames. */
const MAX_PACKET_BYTES = 2_048;
/** Two tracks, their retransmissions and some abandoned by a publisher; 0.4 kB each. */
const MAX_SSRCS = 16;
/** A sender starts below 2^16 at any sequence number: this many packets may be lost before the first one. */
const MAX_LOST_AT_START = 1_024;

/** Decrypts a peer's SRTP with either profile (RFC 3711 §3.3, RFC 7714 §8), up to 16 SSRCs. */
export class SrtpReceiver {
  readonly #opener: PacketOpener;
  readonly #windows = new Map<number, ReplayWindow>();

  constructor(keys: SrtpKeys) {
    this.#opener = keys.profile === AEAD_AES_128_GCM ? new SrtpGcmOpener(keys) : new SrtpCmOpener(keys);
  }

  /**
   * Decrypts in place.
   * @returns length of the RTP packet including padding; 0: damaged, forged, repeated or too old
   */
  unprotect(packet: Buffer): number {
    const plainBytes = packet.length - this.#opener.tagBytes;
    const headerBytes = headerBytesOf(packet, plainBytes);
    if (headerBytes === 0 || packet.length > MAX_PACKET_BYTES) {
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

  /** The roll-over counter starts at 0, or at 1 if the packets before the wrap were lost. */
  #openFirst(packet: Buffer, headerBytes: number, ssrc: number, sequence: number): boolean {
    if (this.#windows.size >= MAX_SSRCS) {
      return false;
    }
    let index = sequence;
    let isOpen = this.#opener.open(packet, headerBytes, ssrc, index);
    if (!isOpen && sequence < MAX_LOST_AT_START) {
      index = sequence + 65_536;
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
