import { readFull } from '../../base/files/read-full.ts';
import { PACKET_BYTES, SYNC_BYTE } from '../../media/mpegts/packetize.ts';
import { type FileMark, findFileMark } from '../file/file-mark.ts';
import type { ReadableFile } from '../file/segment-fs.ts';
import { findStreamMark, type StreamMark } from '../file/stream-mark.ts';
import { isNullPacket, readChecksum, type TsChecksum } from './ts-checksum.ts';

/** The marks follow the tables, which take two packets with the tracks of a camera. */
const HEAD_PACKETS = 8;
const PACKET_HEADER_BYTES = 4;

export interface TsRecordingHead {
  readonly hasPackets: boolean;
  /** Undefined if Perch did not write the file, or its first bytes are lost. */
  readonly mark: StreamMark | undefined;
  readonly fileMark: FileMark | undefined;
  /** Nothing is missing at the end; never known for files of other programs. */
  readonly isFinished: boolean;
  /** A finished file whose parts do not all follow each other. */
  readonly hasHoles: boolean;
  /** 0: not known. */
  readonly durationMs: number;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

export async function readTsHead(handle: ReadableFile): Promise<TsRecordingHead> {
  const { size: sizeBytes, mtimeMs } = await handle.stat();
  const head = new Uint8Array(HEAD_PACKETS * PACKET_BYTES);
  const bytesRead = await readFull(handle, head, 0);
  const hasPackets = bytesRead >= PACKET_BYTES && head[0] === SYNC_BYTE;
  const marks = marksOf(head.subarray(0, bytesRead));
  const mark = findStreamMark(marks);
  const fileMark = findFileMark(marks);
  const checksum = fileMark && (await lastChecksum(handle, sizeBytes, fileMark.firstSequence));
  const isFinished = checksum?.isLast === true;
  const hasHoles = isFinished && checksum.hasHoles === true;
  return {
    hasPackets,
    mark,
    fileMark,
    isFinished,
    hasHoles,
    durationMs: checksum?.durationMs ?? 0,
    sizeBytes,
    mtimeMs,
  };
}

function marksOf(head: Uint8Array): Uint8Array | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  for (let at = 0; at + PACKET_BYTES <= head.length; at += PACKET_BYTES) {
    if (isNullPacket(view, at)) {
      return head.subarray(at + PACKET_HEADER_BYTES, at + PACKET_BYTES);
    }
  }
  return undefined;
}

/** Last checksum of a file that ends with a complete part, or undefined if it does not. */
async function lastChecksum(handle: ReadableFile, sizeBytes: number, fileId: number): Promise<TsChecksum | undefined> {
  const at = sizeBytes - PACKET_BYTES;
  if (at < 0 || sizeBytes % PACKET_BYTES !== 0) {
    return undefined;
  }
  const packet = new Uint8Array(PACKET_BYTES);
  const isRead = (await readFull(handle, packet, at)) === PACKET_BYTES;
  const checksum = isRead ? readChecksum(new DataView(packet.buffer), 0) : undefined;
  const isOwn =
    checksum?.fileId === fileId && (checksum.isLast ? checksum.partOffset === at : checksum.partOffset < at);
  return isOwn ? checksum : undefined;
}
