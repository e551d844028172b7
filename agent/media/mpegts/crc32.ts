/** x^32 + x^26 + x^23 + x^22 + x^16 + x^12 + x^11 + x^10 + x^8 + x^7 + x^5 + x^4 + x^2 + x + 1, highest bit first. */
const POLYNOMIAL = 0x04c1_1db7;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit += 1) {
    value = value < 0 ? (value << 1) ^ POLYNOMIAL : value << 1;
  }
  return value >>> 0;
});

/** CRC_32 of a section, ISO/IEC 13818-1 annex A: over a whole section, its own CRC included, it is 0. */
export function crc32(data: Uint8Array, start: number, end: number): number {
  let crc = -1;
  for (let i = start; i < end; i += 1) {
    crc = (crc << 8) ^ (TABLE[((crc >>> 24) ^ (data[i] as number)) & 0xff] as number);
  }
  return crc >>> 0;
}
