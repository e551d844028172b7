/*
 * Open bitstream units, AV1 bitstream specification §5.3:
 *   header: forbidden bit, type (4), extension flag, has_size flag, reserved bit; extension (1 byte, if flagged); size (leb128, if flagged); payload.
 */
export const OBU = {
  sequenceHeader: 1,
  temporalDelimiter: 2,
  frameHeader: 3,
  tileGroup: 4,
  metadata: 5,
  frame: 6,
  redundantFrameHeader: 7,
} as const;

export const OBU_EXTENSION = 0x04;
export const OBU_HAS_SIZE = 0x02;
/** leb128() of §4.10.5 has at most eight bytes; sizes within the limits fit into four. */
const MAX_SIZE_BYTES = 8;

/** obu_type in the first byte of an OBU header. */
export const obuType = (header: number): number => (header >> 3) & 0x0f;

/** Types kept in a sample: no temporal delimiters, tile lists, padding or reserved types. */
export const isKeptObu = (type: number): boolean =>
  type !== OBU.temporalDelimiter && type >= OBU.sequenceHeader && type <= OBU.redundantFrameHeader;

/** A number with 7 bits per byte, lowest first. An instance is reused, so nothing is allocated. */
export class Leb128 {
  value = 0;
  /** Index of the first byte after it. */
  next = 0;

  /** False: it does not end before `end`, or exceeds 32 bits. */
  read(data: Uint8Array, start: number, end: number): boolean {
    let value = 0;
    for (let i = 0; i < MAX_SIZE_BYTES && start + i < end; i += 1) {
      const byte = data[start + i] as number;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) {
        this.value = value;
        this.next = start + i + 1;
        return value <= 0xffff_ffff;
      }
    }
    return false;
  }
}
