import { readFull } from '../../base/files/read-full.ts';
import { PACKET_BYTES, SYNC_BYTE } from '../../media/mpegts/packetize.ts';
import type { ReadableFile, SegmentFs } from '../file/segment-fs.ts';
import { checksumPacket } from './ts-checksum.ts';
import { findTsParts } from './ts-parts.ts';
import { readTsHead } from './ts-recording-file.ts';

/** Files of other programs have no end mark and are checked at each start. */
const FOREIGN_TAIL_BYTES = 1 << 20;

type TsRecovery =
  | { readonly kind: 'finished' }
  | { readonly kind: 'recovered'; readonly durationMs: number; readonly lostBytes: number }
  | { readonly kind: 'unreadable'; readonly reason: string };

/**
 * Truncates a leftover transport stream to its last complete part, or a foreign one to its last complete packet. Lost bytes in the
 * middle stay as they are.
 * @param isLeftBehind whether a foreign file is no longer being written; others are recovered in any case
 */
export async function recoverTransportStream(fs: SegmentFs, file: string, isLeftBehind: boolean): Promise<TsRecovery> {
  const reader = await fs.open(file, 'r');
  const plan = await examine(reader, isLeftBehind).finally(() => reader.close());
  if ('kind' in plan) {
    return plan;
  }
  const { endOffset, lostBytes, durationMs, fileId, hasHoles, startMs } = plan;
  const writer = await fs.open(file, 'r+');
  try {
    await writer.truncate(endOffset);
    if (fileId !== undefined) {
      await writer.write(
        checksumPacket({ fileId, partOffset: endOffset, durationMs, isLast: true, hasHoles }),
        endOffset,
      );
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
  /** Undefined if Perch did not write the file. */
  readonly fileId: number | undefined;
  readonly hasHoles: boolean;
  readonly startMs: number | undefined;
}

async function examine(handle: ReadableFile, isLeftBehind: boolean): Promise<Plan | TsRecovery> {
  const { mark, fileMark, isFinished, sizeBytes } = await readTsHead(handle);
  if (isFinished || (!fileMark && !isLeftBehind)) {
    return { kind: 'finished' };
  }
  const startMs = mark && mark.wallUs / 1000;
  if (!fileMark) {
    const endOffset = await findForeignEnd(handle, sizeBytes);
    if (endOffset === 0) {
      return { kind: 'unreadable', reason: 'no MPEG-TS packets' };
    }
    const lostBytes = sizeBytes - endOffset;
    return lostBytes === 0
      ? { kind: 'finished' }
      : { endOffset, lostBytes, durationMs: 0, fileId: undefined, hasHoles: false, startMs };
  }
  const fileId = fileMark.firstSequence;
  const { spans, durationMs } = await findTsParts(handle, sizeBytes, fileId);
  const last = spans.at(-1);
  if (!last) {
    return { kind: 'unreadable', reason: 'no whole part' };
  }
  const keptBytes = spans.reduce((sum, { start, end }) => sum + end - start, 0);
  const hasHoles = keptBytes < last.end;
  return { endOffset: last.end, lostBytes: sizeBytes - keptBytes, durationMs, fileId, hasHoles, startMs };
}

/** End of the last packets of a file without marks; 0: there are none. */
async function findForeignEnd(handle: ReadableFile, sizeBytes: number): Promise<number> {
  for (let tailBytes = FOREIGN_TAIL_BYTES; ; tailBytes *= 4) {
    const start = Math.max(0, Math.floor((sizeBytes - tailBytes) / PACKET_BYTES) * PACKET_BYTES);
    const bytes = new Uint8Array(Math.min(tailBytes, FOREIGN_TAIL_BYTES));
    let [endOffset, packets] = [0, 0];
    for (let at = start; at < sizeBytes; ) {
      const bytesRead = await readFull(handle, bytes.subarray(0, Math.min(bytes.length, sizeBytes - at)), at);
      const whole = bytesRead - (bytesRead % PACKET_BYTES);
      for (let i = 0; i < whole; i += PACKET_BYTES) {
        packets = bytes[i] === SYNC_BYTE ? packets + 1 : 0;
        // So many packets in a row are no accident.
        endOffset = packets >= 3 ? at + i + PACKET_BYTES : endOffset;
      }
      if (whole === 0) {
        break;
      }
      at += whole;
    }
    if (endOffset > 0 || start === 0) {
      return endOffset;
    }
  }
}
