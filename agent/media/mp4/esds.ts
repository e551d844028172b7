import { type Fields, fullBox, join, u8, u16, zeros } from './box/boxes.ts';

/** objectTypeIndication of what we store, ISO/IEC 14496-1 table 5; MPEG audio has numbers of its own. */
export const OBJECT_TYPE = { mpeg4Video: 0x20, mpeg4Audio: 0x40, jpeg: 0x6c } as const;
/** streamType, table 6. */
export const STREAM_TYPE = { video: 4, audio: 5 } as const;

/**
 * ISO/IEC 14496-14 §5.6 around the descriptors of ISO/IEC 14496-1 §7.2.6.
 * @param specificInfo what the decoder is set up with; undefined: the codec needs nothing
 */
export function esds(
  streamType: (typeof STREAM_TYPE)[keyof typeof STREAM_TYPE],
  objectType: number,
  specificInfo: Uint8Array | undefined,
): Uint8Array {
  const streamTypeByte = (streamType << 2) | 1; // the last bit is reserved as 1
  const unknownRates = zeros(11); // bufferSizeDB, maxBitrate, avgBitrate
  const setUp = specificInfo ? descriptor(5, specificInfo) : [];
  const decoder = descriptor(4, [objectType, streamTypeByte], unknownRates, setUp);
  const syncLayer = descriptor(6, u8(2));
  return fullBox('esds', 0, 0, descriptor(3, u16(0), u8(0), decoder, syncLayer));
}

/** A length of 7 bits per byte, always in four bytes as most writers do. */
function descriptor(tag: number, ...parts: readonly Fields[]): Uint8Array {
  const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
  const length = [21, 14, 7].map((shift) => 0x80 | ((sizeBytes >> shift) & 0x7f));
  return join([u8(tag), length, u8(sizeBytes & 0x7f), ...parts]);
}
