/** A vector in 32 bits: 2^16 × vertical + horizontal, in quarter pixels. */
export const packVector = (x: number, y: number): number => (y << 16) | (x & 0xffff);
export const horizontal = (vector: number): number => (vector << 16) >> 16;
export const vertical = (vector: number): number => vector >> 16;

export const addVectors = (a: number, b: number): number =>
  packVector(horizontal(a) + horizontal(b), vertical(a) + vertical(b));

/** Scales a vector from a distance of `from` pictures to one of `to` pictures, H.265 §8.5.3.2.7. */
export function scaleVector(vector: number, from: number, to: number): number {
  const td = Math.min(Math.max(from, -128), 127);
  const tb = Math.min(Math.max(to, -128), 127);
  if (td === 0) {
    return vector;
  }
  const tx = ((16_384 + (Math.abs(td) >> 1)) / td) | 0;
  const factor = Math.min(Math.max((tb * tx + 32) >> 6, -4096), 4095);
  return packVector(scaled(horizontal(vector), factor), scaled(vertical(vector), factor));
}

function scaled(value: number, factor: number): number {
  const product = factor * value;
  const size = (Math.abs(product) + 127) >> 8;
  return Math.min(Math.max(product < 0 ? -size : size, -32_768), 32_767);
}
