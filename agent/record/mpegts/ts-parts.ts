import { readFull } from '../../base/files/read-full.ts';
import { PACKET_BYTES, SYNC_BYTE } from '../../media/mpegts/packetize.ts';
import type { ReadableFile } from '../file/segment-fs.ts';
import { isNullPacket, readChecksum } from './ts-checksum.ts';

/** Far more than is written between two flushes: earlier bytes are safe. */
const OWN_TAIL_BYTES = 32 << 20;
const READ_PACKETS = 4096;
const HAS_PAYLOAD = 0x10;

/** Complete parts that follow each other. */
export interface TsSpan {
  readonly start: number;
  /** Offset of the first byte after the last part. */
  end: number;
}

/** What a power cut has left of a transport stream of Perch. */
interface TsParts {
  /** In the order of the file. Bytes between them are lost. */
  readonly spans: readonly TsSpan[];
  /** At the end of the last part. */
  readonly durationMs: number;
}

/**
 * Finds the complete parts. Sync bytes, continuity counters and checksums reveal zeros, garbage and parts of other files. What precedes
 * the tail is safe; the search goes further back if the first part in the tail is not complete.
 * @param sizeBytes bytes from this offset on are ignored
 */
export async function findTsParts(handle: ReadableFile, sizeBytes: number, fileId: number): Promise<TsParts> {
  for (let tailBytes = OWN_TAIL_BYTES; ; tailBytes *= 4) {
    const start = Math.max(0, Math.floor((sizeBytes - tailBytes) / PACKET_BYTES) * PACKET_BYTES);
    const walk = new PartWalk(start, fileId);
    const buffer = new Uint8Array(READ_PACKETS * PACKET_BYTES);
    for (let at = start; at < sizeBytes; at += buffer.length) {
      const piece = buffer.subarray(0, Math.min(buffer.length, sizeBytes - at));
      walk.take(piece.subarray(0, await readFull(handle, piece, at)), at);
    }
    if (walk.spans[0]?.start === 0 || start === 0) {
      return walk;
    }
  }
}

class PartWalk implements TsParts {
  readonly spans: TsSpan[] = [];
  durationMs = 0;
  readonly #fileId: number;
  readonly #start: number;
  /** By PID; -1: not seen since the last bad packet. */
  readonly #counters = new Int8Array(0x2000).fill(-1);
  /** Start of the current part, or undefined if it is not known. */
  #partOffset: number | undefined;
  /** The part cannot begin before this: what precedes it is lost. */
  #earliest = 0;

  constructor(start: number, fileId: number) {
    this.#fileId = fileId;
    this.#start = start;
    this.#partOffset = start === 0 ? 0 : undefined;
  }

  /** @param offset of the bytes in the file, that of a packet */
  take(bytes: Uint8Array, offset: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + PACKET_BYTES <= bytes.length; at += PACKET_BYTES) {
      if (view.getUint8(at) !== SYNC_BYTE) {
        this.#lose(offset + at);
      } else if (isNullPacket(view, at)) {
        this.#endPart(view, at, offset + at);
      } else if (!this.#counts(view, at)) {
        this.#lose(offset + at);
      }
    }
  }

  #lose(offset: number): void {
    this.#earliest = offset + PACKET_BYTES;
    this.#partOffset = undefined;
    this.#counters.fill(-1);
  }

  #counts(view: DataView, at: number): boolean {
    const pid = view.getUint16(at + 1) & 0x1fff;
    const flags = view.getUint8(at + 3);
    const counter = flags & 0x0f;
    const before = this.#counters[pid] as number;
    const step = (flags & HAS_PAYLOAD) !== 0 ? 1 : 0;
    this.#counters[pid] = counter;
    return before < 0 || counter === ((before + step) & 0x0f);
  }

  /** Other null packets (the file's marks) are skipped. */
  #endPart(view: DataView, at: number, offset: number): void {
    const checksum = readChecksum(view, at);
    if (!checksum) {
      return;
    }
    if (checksum.fileId !== this.#fileId || checksum.isLast) {
      this.#lose(offset);
      return;
    }
    const { partOffset } = checksum;
    const end = offset + PACKET_BYTES;
    const isWhole = partOffset === (this.#partOffset ?? Math.max(partOffset, this.#earliest));
    const last = this.spans.at(-1);
    if (isWhole && last?.end === partOffset) {
      last.end = end;
    } else if (isWhole) {
      this.spans.push({ start: partOffset <= this.#start ? 0 : partOffset, end });
    }
    this.durationMs = isWhole ? checksum.durationMs : this.durationMs;
    this.#partOffset = end;
  }
}
