import { PACKET_BYTES, SYNC_BYTE } from '../packetize.ts';
import { findSync, isSyncAt } from '../sync.ts';

interface PacketSink {
  /** A transport packet at `chunk[at]`. @param position its offset in the stream */
  onPacket(chunk: Uint8Array, at: number, position: number): void;
  /** Bytes between packets. */
  onJunk(bytes: number): void;
}

/** Finds transport packets in bytes that are cut anywhere. A packet that is whole in its chunk is not copied. */
export class PacketReader {
  readonly #sink: PacketSink;
  /** The start of a packet whose rest is in the next chunk. */
  readonly #rest = new Uint8Array(PACKET_BYTES);
  #restBytes = 0;
  /** The last packet was found. Otherwise a packet counts only if the next one follows it. */
  #isSynced = false;
  /** Offset of the next chunk's first byte in the stream. */
  #position = 0;

  constructor(sink: PacketSink) {
    this.#sink = sink;
  }

  /** The next chunk is from another place. */
  seek(position: number): void {
    this.#position = position;
    this.#restBytes = 0;
    this.#isSynced = false;
  }

  push(chunk: Uint8Array, start: number, end: number): void {
    if (start + PACKET_BYTES - this.#restBytes > end && this.#restBytes > 0) {
      this.#rest.set(chunk.subarray(start, end), this.#restBytes);
      this.#restBytes += end - start;
      this.#position += end - start;
      return;
    }
    let at = this.#restBytes > 0 ? this.#complete(chunk, start, end) : start;
    const base = this.#position - start;
    while (at + PACKET_BYTES <= end) {
      if (chunk[at] === SYNC_BYTE && (this.#isSynced || isSyncAt(chunk, at + PACKET_BYTES, end))) {
        this.#isSynced = true;
        this.#sink.onPacket(chunk, at, base + at);
        at += PACKET_BYTES;
      } else {
        at = this.#resync(chunk, at, end);
      }
    }
    if (at < end && chunk[at] !== SYNC_BYTE) {
      at = this.#resync(chunk, at, end);
    }
    this.#rest.set(chunk.subarray(at, end), this.#restBytes);
    this.#restBytes += end - at;
    this.#position += end - start;
  }

  /** @returns the end of the packet that began in the last chunk */
  #complete(chunk: Uint8Array, start: number, end: number): number {
    const next = start + PACKET_BYTES - this.#restBytes;
    const begunBytes = this.#restBytes;
    this.#restBytes = 0;
    if (!this.#isSynced && !isSyncAt(chunk, next, end)) {
      // The kept bytes were not the start of a packet.
      this.#lose(begunBytes);
      return start;
    }
    this.#rest.set(chunk.subarray(start, next), begunBytes);
    this.#isSynced = true;
    this.#sink.onPacket(this.#rest, 0, this.#position - begunBytes);
    return next;
  }

  #resync(chunk: Uint8Array, at: number, end: number): number {
    const found = findSync(chunk, at, end);
    this.#lose(found - at);
    return found;
  }

  #lose(bytes: number): void {
    this.#isSynced = false;
    this.#sink.onJunk(bytes);
  }
}
