import { PACKET_BYTES, SYNC_BYTE } from '../../media/mpegts/packetize.ts';
import type { ReadableFile, SegmentFs } from '../file/segment-fs.ts';
import { checksumPacket, isNullPacket, readChecksum } from './ts-checksum.ts';
import { readTsHead } from './ts-recording-file.ts';

/** Far more than is written between two flushes: earlier bytes are safe. */
const OWN_TAIL_BYTES = 32 << 20;
/** Files of other programs have no end mark and are checked at each start. */
const FOREIGN_TAIL_BYTES = 1 << 20;
const READ_PACKETS = 4096;
const HAS_PAYLOAD = 0x10;

type TsRecovery =
  | { readonly kind: 'finished' }
  | { readonly kind: 'recovered'; readonly durationMs: number; readonly lostBytes: number }
  | { readonly kind: 'unreadable'; readonly reason: string };

/**
 * Truncates a leftover transport stream to its last complete part, or a foreign one to its last complete packet. Sync
 * bytes, continuity counters and checksums reveal zeros, garbage and parts of other files.
 * @param isLeftBehind whether a foreign file is no longer being written; others are recovered in any case
 */
export async function recoverTransportStream(fs: SegmentFs, file: string, isLeftBehind: boolean): Promise<TsRecovery> {
  const reader = await fs.open(file, 'r');
  const plan = await examine(reader, isLeftBehind).finally(() => reader.close());
  if ('kind' in plan) {
    return plan;
  }
  const { endOffset, lostBytes, durationMs, fileId, startMs } = plan;
  const writer = await fs.open(file, 'r+');
  try {
    await writer.truncate(endOffset);
    if (fileId !== undefined) {
      await writer.write(checksumPacket({ fileId, partOffset: endOffset, durationMs, isLast: true }), endOffset);
    }
    await writer.sync();
    if (startMs !== undefined) {
      await writer.setTimes(startMs, startMs + durationMs);
    }
  } finally {
    await writer.close();
  }
  return { kind: 'recovered', durationMs, lostBytes };
}

interface Plan {
  readonly endOffset: number;
  readonly lostBytes: number;
  /** 0: not known. */
  readonly durationMs: number;
  /** undefined: not written by Perch. */
  readonly fileId: number | undefined;
  readonly startMs: number | undefined;
}

async function examine(handle: ReadableFile, isLeftBehind: boolean): Promise<Plan | TsRecovery> {
  const { mark, fileMark, isFinished, sizeBytes } = await readTsHead(handle);
  if (isFinished || (!fileMark && !isLeftBehind)) {
    return { kind: 'finished' };
  }
  const fileId = fileMark?.firstSequence;
  const { endOffset, durationMs } = await findEnd(handle, sizeBytes, fileId);
  if (endOffset === 0) {
    return { kind: 'unreadable', reason: fileMark ? 'no whole part' : 'no MPEG-TS packets' };
  }
  if (fileId === undefined && endOffset === sizeBytes) {
    return { kind: 'finished' };
  }
  const startMs = mark && mark.wallUs / 1000;
  return { endOffset, lostBytes: sizeBytes - endOffset, durationMs, fileId, startMs };
}

/** Searches the tail, and further back if nothing in it is complete. */
async function findEnd(handle: ReadableFile, sizeBytes: number, fileId: number | undefined): Promise<TailWalk> {
  for (let tailBytes = fileId === undefined ? FOREIGN_TAIL_BYTES : OWN_TAIL_BYTES; ; tailBytes *= 4) {
    const start = Math.max(0, Math.floor((sizeBytes - tailBytes) / PACKET_BYTES) * PACKET_BYTES);
    const walk = new TailWalk(start, fileId);
    const buffer = new Uint8Array(READ_PACKETS * PACKET_BYTES);
    let bytesRead = 0;
    for (let at = start; at < sizeBytes; at += bytesRead) {
      ({ bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, sizeBytes - at), at));
      if (!walk.take(buffer.subarray(0, bytesRead), at)) {
        break;
      }
    }
    if (walk.endOffset > start || start === 0) {
      return walk;
    }
  }
}

class TailWalk {
  /** Offset of the first byte after the last complete part; in foreign files, after the last complete packet. */
  endOffset: number;
  durationMs = 0;
  readonly #fileId: number | undefined;
  /** By PID; -1: not seen. */
  readonly #counters = new Int8Array(0x2000).fill(-1);
  /** Start of the current part; undefined before the walk. */
  #partOffset: number | undefined;

  /** @param fileId undefined: only sync bytes are checked */
  constructor(start: number, fileId: number | undefined) {
    this.endOffset = start;
    this.#fileId = fileId;
    this.#partOffset = start === 0 ? 0 : undefined;
  }

  /** @param offset of the bytes in the file @returns false: the rest is useless */
  take(bytes: Uint8Array, offset: number): boolean {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const last = bytes.length - PACKET_BYTES;
    let at = 0;
    for (; at <= last; at += PACKET_BYTES) {
      if (!this.#continues(view, at, offset + at)) {
        return false;
      }
    }
    return at === bytes.length && bytes.length > 0;
  }

  #continues(view: DataView, at: number, offset: number): boolean {
    if (view.getUint8(at) !== SYNC_BYTE) {
      return false;
    }
    if (this.#fileId === undefined) {
      this.endOffset = offset + PACKET_BYTES;
      return true;
    }
    return isNullPacket(view, at) ? this.#endsPart(view, at, offset) : this.#counts(view, at);
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
  #endsPart(view: DataView, at: number, offset: number): boolean {
    const checksum = readChecksum(view, at);
    if (!checksum) {
      return true;
    }
    const isOwn = checksum.fileId === this.#fileId && checksum.partOffset === (this.#partOffset ?? checksum.partOffset);
    if (!isOwn || checksum.isLast) {
      return false;
    }
    this.endOffset = offset + PACKET_BYTES;
    this.durationMs = checksum.durationMs;
    this.#partOffset = this.endOffset;
    return true;
  }
}
