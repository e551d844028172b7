const MIN_HEADER_BYTES = 7;
const CRC_BYTES = 2;

/**
 * Size in bytes of the ADTS header (ISO/IEC 14496-3 §1.A.2.2: sync word 0xFFF, then 13 bits of frame length) at `start`, or 0.
 * A raw AAC frame cannot begin with the sync word: its first three bits would be the end mark.
 */
export function adtsHeaderBytes(data: Uint8Array, start: number, end: number): number {
  if (end - start < MIN_HEADER_BYTES || data[start] !== 0xff || ((data[start + 1] as number) & 0xf6) !== 0xf0) {
    return 0;
  }
  const hasNoCrc = ((data[start + 1] as number) & 1) === 1;
  const headerBytes = MIN_HEADER_BYTES + (hasNoCrc ? 0 : CRC_BYTES);
  const frameBytes = adtsFrameBytes(data, start);
  return frameBytes >= headerBytes && start + frameBytes <= end ? headerBytes : 0;
}

/** aac_frame_length: header included. */
export function adtsFrameBytes(data: Uint8Array, start: number): number {
  const high = (data[start + 3] as number) & 3;
  return (high << 11) | ((data[start + 4] as number) << 3) | ((data[start + 5] as number) >> 5);
}
