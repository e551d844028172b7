import type { MikeyMessage } from '../../../media/mikey/message.ts';
import { AUTH_TAG_BYTES } from '../../../media/rtp/header.ts';
import { srtpKeys } from './master-key.ts';
import { Srtcp } from './srtcp.ts';
import { SrtpReceiver } from './srtp-receiver.ts';

/** Decrypts what a peer sends with the key of its MIKEY message. */
export class MediaDecryptor {
  readonly #rtp: SrtpReceiver;
  readonly #rtcp: Srtcp;
  readonly #mkiBytes: number;

  constructor(message: MikeyMessage) {
    const keys = srtpKeys(message, message);
    // The largest packet of an interleaved frame, RFC 2326 §10.12.
    this.#rtp = new SrtpReceiver(keys, message.streams, 0xffff);
    this.#rtcp = new Srtcp(keys);
    this.#mkiBytes = message.mki.length;
  }

  /** Decrypts `chunk[start, end)` in place. @returns the RTP packet, a view, or undefined if it is damaged, forged, repeated or too old */
  rtp(chunk: Uint8Array, start: number, end: number): Uint8Array | undefined {
    const packet = this.#withoutMki(chunk, start, end);
    const length = this.#rtp.unprotect(packet);
    // Not a Buffer: its `slice` would not copy.
    return length === 0 ? undefined : new Uint8Array(packet.buffer, packet.byteOffset, length);
  }

  /** @returns the compound packet, or undefined if damaged, forged or repeated */
  rtcp(chunk: Uint8Array, start: number, end: number): Buffer | undefined {
    return this.#rtcp.unprotect(this.#withoutMki(chunk, start, end));
  }

  /** The identifier of the only key precedes the tag, RFC 3711 §3.1. It is not authenticated. */
  #withoutMki(chunk: Uint8Array, start: number, chunkEnd: number): Buffer {
    const packet = Buffer.from(chunk.buffer, chunk.byteOffset + start, chunkEnd - start);
    const end = packet.length - this.#mkiBytes;
    if (this.#mkiBytes === 0 || end < AUTH_TAG_BYTES) {
      return packet;
    }
    packet.copyWithin(end - AUTH_TAG_BYTES, end - AUTH_TAG_BYTES + this.#mkiBytes);
    return packet.subarray(0, end);
  }
}
