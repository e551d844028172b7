/** Both checksums of RFC 9639 §9.1.8 and §9.3: no reflection, start value 0. */

const CRC8 = tableOf(0x07, 8);
const CRC16 = tableOf(0x8005, 16);

function tableOf(polynomial: number, width: number): Uint16Array {
  const top = 1 << (width - 1);
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let crc = byte << (width - 8);
    for (let i = 0; i < 8; i += 1) {
      crc = crc & top ? (crc << 1) ^ polynomial : crc << 1;
    }
    return crc & ((1 << width) - 1);
  });
}

export function crc8(bytes: Uint8Array, length: number): number {
  let crc = 0;
  for (let i = 0; i < length; i += 1) {
    crc = CRC8[crc ^ (bytes[i] as number)] as number;
  }
  return crc;
}

export function crc16(bytes: Uint8Array, length: number): number {
  let crc = 0;
  for (let i = 0; i < length; i += 1) {
    crc = ((crc << 8) & 0xff00) ^ (CRC16[(crc >> 8) ^ (bytes[i] as number)] as number);
  }
  return crc;
}
