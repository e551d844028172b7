import { PACKET_BYTES, SYNC_BYTE } from '../../media/mpegts/packetize.ts';
import { type FileMark, findFileMark } from '../file/file-mark.ts';
import type { ReadableFile } from '../file/readable-file.ts';
import { findStreamMark, type StreamMark } from '../file/stream-mark.ts';
import { isNullPacket, readSeal, type TsSeal } from './ts-seal.ts';

/** The marks stand behind the tables, which take two packets with as many tracks as cameras have. */
const HEAD_PACKETS = 8;
const PACKET_HEADER_BYTES = 4;

/** What an MPEG-TS recording says of itself at its two ends. */
export interface TsRecordingHead {
  /** It begins as a transport stream does. */
  readonly hasPackets: boolean;
  /** Undefined: Perch did not write the file, or its first bytes are lost. */
  readonly mark: StreamMark | undefined;
  readonly fileMark: FileMark | undefined;
  /** Nothing is missing at its end. Never of a file that Perch did not write: nobody knows. */
  readonly isFinished: boolean;
  /** 0: its end does not tell. */
  readonly durationMs: number;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

export async function readTsHead(handle: ReadableFile): Promise<TsRecordingHead> {
  const { size: sizeBytes, mtimeMs } = await handle.stat();
  const head = new Uint8Array(HEAD_PACKETS * PACKET_BYTES);
  const { bytesRead } = await handle.read(head, 0, head.length, 0);
  const hasPackets = bytesRead >= PACKET_BYTES && head[0] === SYNC_BYTE;
  const marks = marksOf(head.subarray(0, bytesRead));
  const mark = findStreamMark(marks);
  const fileMark = findFileMark(marks);
  const seal = fileMark && (await lastSeal(handle, sizeBytes, fileMark.firstSequence));
  const isFinished = seal?.isLast === true;
  return { hasPackets, mark, fileMark, isFinished, durationMs: seal?.durationMs ?? 0, sizeBytes, mtimeMs };
}

/** What stands in the first null packet. */
function marksOf(head: Uint8Array): Uint8Array | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  for (let at = 0; at + PACKET_BYTES <= head.length; at += PACKET_BYTES) {
    if (isNullPacket(view, at)) {
      return head.subarray(at + PACKET_HEADER_BYTES, at + PACKET_BYTES);
    }
  }
  return undefined;
}

/** Of a file that ends with a whole part, or is finished. */
async function lastSeal(handle: ReadableFile, sizeBytes: number, fileId: number): Promise<TsSeal | undefined> {
  const at = sizeBytes - PACKET_BYTES;
  if (at < 0 || sizeBytes % PACKET_BYTES !== 0) {
    return undefined;
  }
  const packet = new Uint8Array(PACKET_BYTES);
  const { bytesRead } = await handle.read(packet, 0, PACKET_BYTES, at);
  const seal = bytesRead === PACKET_BYTES ? readSeal(new DataView(packet.buffer), 0) : undefined;
  const isOwn = seal?.fileId === fileId && (seal.isLast ? seal.partOffset === at : seal.partOffset < at);
  return isOwn ? seal : undefined;
}
