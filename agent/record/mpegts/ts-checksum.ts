import { PACKET_BYTES, SYNC_BYTE } from '../../media/mpegts/packetize.ts';

/*
 * The last packet of each part of a transport stream written by Perch, a null packet, which players skip:
 * 'prts'
 * file id (32 bits)
 * offset of the part in the file (64)
 * duration of the file so far (32, ms)
 * flags (8; 1: last part, 2: parts before it are lost).
 * A part that ends with its own checksum packet is complete and belongs to this file.
 */
const MAGIC = 0x7072_7473;
const CHECKSUM_BYTES = 4 + 4 + 8 + 4 + 1;
const IS_LAST = 1;
const HAS_HOLES = 2;
/** A null packet with payload only. */
const NULL_HEADER = ((SYNC_BYTE << 16) | 0x1fff) >>> 0;

export interface TsChecksum {
  /** Random per file, like `FileMark.firstSequence`. */
  readonly fileId: number;
  readonly partOffset: number;
  readonly durationMs: number;
  readonly isLast: boolean;
  /** Only with `isLast`. */
  readonly hasHoles?: boolean;
}

export function writeChecksum(checksum: TsChecksum): Uint8Array {
  const bytes = new Uint8Array(CHECKSUM_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, checksum.fileId);
  view.setBigUint64(8, BigInt(checksum.partOffset));
  view.setUint32(16, Math.min(checksum.durationMs, 0xffff_ffff));
  view.setUint8(20, (checksum.isLast ? IS_LAST : 0) | (checksum.hasHoles ? HAS_HOLES : 0));
  return bytes;
}

export function checksumPacket(checksum: TsChecksum): Uint8Array {
  const packet = new Uint8Array(PACKET_BYTES).fill(0xff);
  new DataView(packet.buffer).setUint32(0, NULL_HEADER * 256 + 0x10);
  packet.set(writeChecksum(checksum), 4);
  return packet;
}

/** @param at start of a complete packet, or undefined if it is not a checksum packet */
export function readChecksum(view: DataView, at: number): TsChecksum | undefined {
  if (!isNullPacket(view, at) || view.getUint32(at + 4) !== MAGIC) {
    return undefined;
  }
  return {
    fileId: view.getUint32(at + 8),
    partOffset: Number(view.getBigUint64(at + 12)),
    durationMs: view.getUint32(at + 20),
    isLast: (view.getUint8(at + 24) & IS_LAST) !== 0,
    hasHoles: (view.getUint8(at + 24) & HAS_HOLES) !== 0,
  };
}

export const isNullPacket = (view: DataView, at: number): boolean => view.getUint32(at) >>> 8 === NULL_HEADER;
