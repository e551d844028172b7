import { fourcc } from '../box/boxes.ts';
import { viewOf } from '../box/walk.ts';

/*
 * The last box of a recording's `moof`: after a power cut it shows whether the whole fragment is on the disk:
 *   prcs: version (8 bits), flags (24 bits, 0), CRC-32 (zlib's) of the fragment: of `moof` up to here, and of `mdat`
 */
const PRCS = fourcc('prcs');
export const CHECKSUM_BOX_BYTES = 16;

/**
 * Writes the box without its CRC, into the room left by `writeFragmentHeader`.
 * @param header `moof` and the 8 bytes of `mdat`'s header
 * @returns the offset of the CRC
 */
export function placeChecksumBox(header: Uint8Array): number {
  const view = viewOf(header);
  const at = header.length - 8 - CHECKSUM_BOX_BYTES;
  view.setUint32(at, CHECKSUM_BOX_BYTES);
  view.setUint32(at + 4, PRCS);
  view.setUint32(at + 8, 0);
  return at + 12;
}

/** The offset of the CRC, or undefined if the `moof` has no such box. */
export function findChecksum(moof: Uint8Array): number | undefined {
  const at = moof.length - CHECKSUM_BOX_BYTES;
  const view = viewOf(moof);
  return at > 0 && view.getUint32(at) === CHECKSUM_BOX_BYTES && view.getUint32(at + 4) === PRCS ? at + 12 : undefined;
}
