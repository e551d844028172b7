import { PACKET_BYTES, SYNC_BYTE } from '../../media/mpegts/packetize.ts';

/*
 * The last packet of each part of a transport stream that Perch records, of the PID that players pass over (null packets):
 *   'prts' | file id (32 bits) | part's place in the file (64) | duration of the file up to here (32, ms) | flags (8; 1: the file's last)
 * A part whose own seal stands at its end is whole, and of this file.
 */
const MAGIC = 0x7072_7473;
export const SEAL_BYTES = 4 + 4 + 8 + 4 + 1;
const IS_LAST = 1;
/** Of a null packet with nothing but a payload. */
const NULL_HEADER = ((SYNC_BYTE << 16) | 0x1fff) >>> 0;

export interface TsSeal {
  /** Drawn at random for each file: as `FileMark.firstSequence`. */
  readonly fileId: number;
  /** Where the part begins. */
  readonly partOffset: number;
  readonly durationMs: number;
  /** Nothing follows: the file is finished. */
  readonly isLast: boolean;
}

/** What goes into the packet behind its header. */
export function writeSeal(seal: TsSeal): Uint8Array {
  const bytes = new Uint8Array(SEAL_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, seal.fileId);
  view.setBigUint64(8, BigInt(seal.partOffset));
  view.setUint32(16, Math.min(seal.durationMs, 0xffff_ffff));
  view.setUint8(20, seal.isLast ? IS_LAST : 0);
  return bytes;
}

/** A null packet with the seal. */
export function sealPacket(seal: TsSeal): Uint8Array {
  const packet = new Uint8Array(PACKET_BYTES).fill(0xff);
  new DataView(packet.buffer).setUint32(0, NULL_HEADER * 256 + 0x10);
  packet.set(writeSeal(seal), 4);
  return packet;
}

/** @param at where a whole packet begins; undefined: it is no seal */
export function readSeal(view: DataView, at: number): TsSeal | undefined {
  const isSeal = isNullPacket(view, at) && view.getUint32(at + 4) === MAGIC;
  if (!isSeal) {
    return undefined;
  }
  const partOffset = Number(view.getBigUint64(at + 12));
  return {
    fileId: view.getUint32(at + 8),
    partOffset,
    durationMs: view.getUint32(at + 20),
    isLast: (view.getUint8(at + 24) & IS_LAST) !== 0,
  };
}

/** Of those that nothing but bytes of ours are in. */
export const isNullPacket = (view: DataView, at: number): boolean => view.getUint32(at) >>> 8 === NULL_HEADER;
