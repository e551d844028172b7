/** The 16-bit value of each code word: ITU-T G.711 table 1a (A-law, multiples of 8) and 2a (µ-law, multiples of 4). */
export const A_LAW: Int16Array = Int16Array.from({ length: 256 }, (_, code) => aLaw(code));
export const MU_LAW: Int16Array = Int16Array.from({ length: 256 }, (_, code) => muLaw(code));

/** Low bits that are 0 in every value of the table. */
export const A_LAW_UNUSED_BITS = 3;
export const MU_LAW_UNUSED_BITS = 2;

/** Even bits are inverted on the line; a set sign bit means positive. */
function aLaw(code: number): number {
  const word = code ^ 0x55;
  const segment = (word >> 4) & 7;
  const step = ((word & 0x0f) << 4) + 8;
  const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1);
  return word & 0x80 ? magnitude : -magnitude;
}

/** All bits are inverted on the line; after that a set sign bit means negative. The segments are offset by 33 of 14 bits. */
function muLaw(code: number): number {
  const word = ~code & 0xff;
  const bias = 33 << 2;
  const magnitude = ((((word & 0x0f) << 3) + bias) << ((word >> 4) & 7)) - bias;
  return word & 0x80 ? -magnitude : magnitude;
}
