/** Samples of a block: 8 rows of 8. */
export const BLOCK = 64;

/** Index in the block of the k-th coefficient in zigzag order. */
export const ZIGZAG = Uint8Array.from(zigzag());
/** Scale factors of the rows and columns of the DCT of Arai, Agui and Nakajima. */
export const SCALES = [1, 1.387039845, 1.306562965, 1.175875602, 1, 0.785694958, 0.5411961, 0.275899379];

function* zigzag(): Generator<number> {
  for (let sum = 0; sum < 15; sum += 1) {
    for (let i = Math.max(0, sum - 7); i <= Math.min(sum, 7); i += 1) {
      const [y, x] = sum % 2 === 0 ? [sum - i, i] : [i, sum - i];
      yield 8 * y + x;
    }
  }
}

/** The DCT of Arai, Agui and Nakajima: its results are scaled by `SCALES` and 8. */
export function transform(block: Float32Array): void {
  for (let row = 0; row < BLOCK; row += 8) {
    transformLine(block, row, 1);
  }
  for (let column = 0; column < 8; column += 1) {
    transformLine(block, column, 8);
  }
}

function transformLine(block: Float32Array, at: number, step: number): void {
  const [b0, b1, b2, b3] = [at, at + step, at + 2 * step, at + 3 * step];
  const [b4, b5, b6, b7] = [at + 4 * step, at + 5 * step, at + 6 * step, at + 7 * step];
  const s07 = (block[b0] as number) + (block[b7] as number);
  const d07 = (block[b0] as number) - (block[b7] as number);
  const s16 = (block[b1] as number) + (block[b6] as number);
  const d16 = (block[b1] as number) - (block[b6] as number);
  const s25 = (block[b2] as number) + (block[b5] as number);
  const d25 = (block[b2] as number) - (block[b5] as number);
  const s34 = (block[b3] as number) + (block[b4] as number);
  const d34 = (block[b3] as number) - (block[b4] as number);

  const evenSum = s07 + s34;
  const evenDifference = s07 - s34;
  const middleSum = s16 + s25;
  const rotated = (s16 - s25 + evenDifference) * Math.SQRT1_2;
  block[b0] = evenSum + middleSum;
  block[b4] = evenSum - middleSum;
  block[b2] = evenDifference + rotated;
  block[b6] = evenDifference - rotated;

  const o0 = d34 + d25;
  const o1 = d25 + d16;
  const o2 = d16 + d07;
  const z5 = (o0 - o2) * 0.382683433;
  const z2 = 0.5411961 * o0 + z5;
  const z4 = 1.306562965 * o2 + z5;
  const z3 = o1 * Math.SQRT1_2;
  const z11 = d07 + z3;
  const z13 = d07 - z3;
  block[b5] = z13 + z2;
  block[b3] = z13 - z2;
  block[b1] = z11 + z4;
  block[b7] = z11 - z4;
}

/**
 * The inverse of `transform`, of coefficients that were multiplied by `SCALES` of their row and column and divided by 8: as libjpeg's
 * jidctflt.c.
 */
export function inverseTransform(block: Float32Array): void {
  for (let column = 0; column < 8; column += 1) {
    inverseLine(block, column, 8);
  }
  for (let row = 0; row < BLOCK; row += 8) {
    inverseLine(block, row, 1);
  }
}

function inverseLine(block: Float32Array, at: number, step: number): void {
  const [b0, b1, b2, b3] = [at, at + step, at + 2 * step, at + 3 * step];
  const [b4, b5, b6, b7] = [at + 4 * step, at + 5 * step, at + 6 * step, at + 7 * step];
  const s04 = (block[b0] as number) + (block[b4] as number);
  const d04 = (block[b0] as number) - (block[b4] as number);
  const s26 = (block[b2] as number) + (block[b6] as number);
  const d26 = ((block[b2] as number) - (block[b6] as number)) * Math.SQRT2 - s26;
  const e0 = s04 + s26;
  const e3 = s04 - s26;
  const e1 = d04 + d26;
  const e2 = d04 - d26;

  const s53 = (block[b5] as number) + (block[b3] as number);
  const d53 = (block[b5] as number) - (block[b3] as number);
  const s17 = (block[b1] as number) + (block[b7] as number);
  const d17 = (block[b1] as number) - (block[b7] as number);
  const z5 = (d53 + d17) * 1.847759065;
  const o7 = s17 + s53;
  const o6 = z5 - 2.61312593 * d53 - o7;
  const o5 = (s17 - s53) * Math.SQRT2 - o6;
  const o4 = z5 - 1.0823922 * d17 - o5;
  block[b0] = e0 + o7;
  block[b7] = e0 - o7;
  block[b1] = e1 + o6;
  block[b6] = e1 - o6;
  block[b2] = e2 + o5;
  block[b5] = e2 - o5;
  block[b3] = e3 + o4;
  block[b4] = e3 - o4;
}
