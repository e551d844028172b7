import { type Fields, fullBox, join, u8, u16, zeros } from './boxes.ts';

/** objectTypeIndication and streamType of ISO/IEC 14496-1 §7.2.6.6, tables 5 and 6. */
export const ELEMENTARY_STREAM = {
  mpeg4Audio: { objectType: 0x40, streamType: 5 },
  mpeg4Video: { objectType: 0x20, streamType: 4 },
  jpeg: { objectType: 0x6c, streamType: 4 },
} as const;

/**
 * ISO/IEC 14496-14 §5.6 around the descriptors of ISO/IEC 14496-1 §7.2.6.
 * @param specificInfo what the decoder is set up with; undefined: the codec needs nothing
 */
export function esds(
  { objectType, streamType }: (typeof ELEMENTARY_STREAM)[keyof typeof ELEMENTARY_STREAM],
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
