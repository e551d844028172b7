import { box, fourcc, u32 } from '../box/boxes.ts';
import { viewOf } from '../box/walk.ts';

/*
 * A finished recording has a private box between its last fragment and `mfra`, which other programs ignore:
 *   uuid, its 16 bytes of type, version (8 bits), flags (24 bits; 1: bytes between fragments are lost),
 *   size of the header (32 bits), the file's header (`ftyp` and `moov`) as first written,
 *   the sample table (sample-table-writer.ts),
 *   the size of the whole box (32 bits), to find it from the end.
 * With it the file survives the loss of its header (whose duration is written last, so a power cut may tear its sector), and playback
 * needs to read no fragment.
 */
const UUID = fourcc('uuid');
const TYPE = [0x9e71_2d50, 0x6572_6368, 0x8a4b_7361, 0x6d70_6c65].flatMap(u32);
const VERSION = 1;
const HAS_HOLES = 1;
const HEAD_BYTES = 8 + 16 + 4 + 4;
/** Bytes at the end of the box that hold its size. */
export const TAIL_SIZE_BYTES = 4;

interface RecordingTail {
  /** The file's header: `ftyp` and `moov`. A view. */
  readonly init: Uint8Array;
  /** For `parseSampleTable`. A view. */
  readonly table: Uint8Array;
  /** Bytes between fragments are lost. */
  readonly hasHoles?: boolean;
}

/** Writes the whole `uuid` box. */
export function writeRecordingTail({ init, table, hasHoles = false }: RecordingTail): Uint8Array {
  const sizeBytes = HEAD_BYTES + init.length + table.length + TAIL_SIZE_BYTES;
  const flags = hasHoles ? HAS_HOLES : 0;
  return box('uuid', TYPE, [VERSION, 0, 0, flags], u32(init.length), init, table, u32(sizeBytes));
}

/** Bytes at the start of the box that identify it: the input of `initBytesOfTail`. */
export const TAIL_HEAD_BYTES = HEAD_BYTES;

/** The size of the file's header in a tail. @param head the first bytes of the box @returns undefined if the box or its size differs */
export function initBytesOfTail(head: Uint8Array, sizeBytes: number): number | undefined {
  if (head.length < HEAD_BYTES || sizeBytes < HEAD_BYTES + TAIL_SIZE_BYTES) {
    return undefined;
  }
  const view = viewOf(head);
  const isOurs = view.getUint32(4) === UUID && TYPE.every((byte, i) => head[8 + i] === byte) && head[24] === VERSION;
  const initBytes = view.getUint32(HEAD_BYTES - 4);
  const fits = view.getUint32(0) === sizeBytes && HEAD_BYTES + initBytes + TAIL_SIZE_BYTES <= sizeBytes;
  return isOurs && fits ? initBytes : undefined;
}

/** @param head as for `initBytesOfTail` */
export const tailHasHoles = (head: Uint8Array): boolean => ((head[27] as number) & HAS_HOLES) !== 0;

/** @param bytes the whole box @returns undefined if it is another box or incomplete */
export function parseRecordingTail(bytes: Uint8Array): RecordingTail | undefined {
  const initBytes = initBytesOfTail(bytes, bytes.length);
  const end = bytes.length - TAIL_SIZE_BYTES;
  if (initBytes === undefined || viewOf(bytes).getUint32(end) !== bytes.length) {
    return undefined;
  }
  return {
    init: bytes.subarray(HEAD_BYTES, HEAD_BYTES + initBytes),
    table: bytes.subarray(HEAD_BYTES + initBytes, end),
  };
}
