import { PerchError } from '../../../base/errors.ts';
import type { CabacDecoder } from '../../payload/cabac-decoder.ts';
import { CONTEXT } from './contexts.ts';

/** scanIdx, H.265 §7.4.9.11. */
export const SCAN = { diagonal: 0, horizontal: 1, vertical: 2 } as const;
export type Scan = (typeof SCAN)[keyof typeof SCAN];

/** Coefficients of a sub-block. */
const COEFFICIENTS = 16;
const MAX_FLAGGED = 8;
/** Longest prefix of coeff_abs_level_remaining. */
const MAX_PREFIX = 32;
const MAX_RICE = 4;

/** Positions in blocks of 2^bits x 2^bits, in the order of a scan: 2^bits × y + x. H.265 §6.5.3 to §6.5.5 */
function scanOrder(bits: number, scan: number): Uint8Array {
  const side = 1 << bits;
  const positions = Array.from({ length: side * side }, (_, i) => ({ x: i % side, y: Math.floor(i / side) }));
  if (scan === SCAN.diagonal) {
    positions.sort((a, b) => a.x + a.y - (b.x + b.y) || b.y - a.y);
  } else if (scan === SCAN.vertical) {
    positions.sort((a, b) => a.x - b.x || a.y - b.y);
  }
  return Uint8Array.from(positions, ({ x, y }) => (y << bits) + x);
}

function inverse(order: Uint8Array): Uint8Array {
  const places = new Uint8Array(order.length);
  order.forEach((position, i) => {
    places[position] = i;
  });
  return places;
}

const SCANS = [SCAN.diagonal, SCAN.horizontal, SCAN.vertical];
/** By log2 of the side × 3 + scan. */
const ORDERS = [0, 1, 2, 3].flatMap((bits) => SCANS.map((scan) => scanOrder(bits, scan)));
const PLACES = ORDERS.map(inverse);

/** ctxIdxMap, H.265 table 9-50: blocks of 4x4 pixels. */
const SMALL = [0, 1, 4, 5, 2, 3, 4, 5, 6, 6, 8, 8, 7, 7, 8, 8];
/** sigCtx by the coded sub-blocks to the right (1) and below (2), equations 9-42 to 9-45. */
function patternContext(pattern: number, x: number, y: number): number {
  if (pattern === 0) {
    return x + y === 0 ? 2 : x + y < 3 ? 1 : 0;
  }
  const distance = pattern === 1 ? y : x;
  return pattern === 3 ? 2 : distance === 0 ? 2 : distance === 1 ? 1 : 0;
}
/** sigCtx by (scan × 5 + pattern) × 16 + place in the scan; pattern 4: blocks of 4x4 pixels. */
const SIGNIFICANT = Uint8Array.from({ length: 3 * 5 * COEFFICIENTS }, (_, i) => {
  const pattern = (i >> 4) % 5;
  const position = ORDERS[2 * 3 + Math.floor(i / (5 * COEFFICIENTS))]?.[i & 15] ?? 0;
  return pattern === 4 ? (SMALL[position] ?? 0) : patternContext(pattern, position & 3, position >> 2);
});
const SMALL_PATTERN = 4;

/** Passes over residual_coding, H.265 §7.3.8.11. */
export class ResidualReader {
  hidesSigns = false;
  hasTransformSkip = false;
  /** cu_transquant_bypass_flag. */
  isBypassed = false;
  readonly #cabac: CabacDecoder;
  /** coded_sub_block_flag, in rows of 9: the last column and row are 0. */
  readonly #coded = new Uint8Array(81);

  constructor(cabac: CabacDecoder) {
    this.#cabac = cabac;
  }

  /** @param bits log2 of the side of the block */
  read(bits: number, isChroma: boolean, scan: Scan): void {
    const cabac = this.#cabac;
    const chroma = isChroma ? 1 : 0;
    if (this.hasTransformSkip && bits === 2 && !this.isBypassed) {
      cabac.bin(CONTEXT.transformSkip + chroma);
    }
    const first = isChroma ? 15 : 3 * (bits - 2) + ((bits - 1) >> 2);
    const shift = isChroma ? bits - 2 : (bits + 1) >> 2;
    const xPrefix = this.#lastPrefix(CONTEXT.lastX + first, shift, 2 * bits - 1);
    const yPrefix = this.#lastPrefix(CONTEXT.lastY + first, shift, 2 * bits - 1);
    const lastX = this.#lastPosition(xPrefix);
    const lastY = this.#lastPosition(yPrefix);
    const [x, y] = scan === SCAN.vertical ? [lastY, lastX] : [lastX, lastY];
    const blockBits = bits - 2;
    const blocks = ORDERS[blockBits * 3 + scan] as Uint8Array;
    const lastBlock = PLACES[blockBits * 3 + scan]?.[((y >> 2) << blockBits) + (x >> 2)] ?? 0;
    const last = PLACES[2 * 3 + scan]?.[((y & 3) << 2) + (x & 3)] ?? 0;
    const coded = this.#coded;
    coded.fill(0);
    const base = CONTEXT.significant + (isChroma ? 27 : 0);
    const sizeContext =
      bits === 2 ? 0 : bits > 3 ? (isChroma ? 12 : 21) : isChroma ? 9 : scan === SCAN.diagonal ? 9 : 15;
    let greater = 1;
    for (let i = lastBlock; i >= 0; i -= 1) {
      const position = blocks[i] as number;
      const at = 9 * (position >> blockBits) + (position & ((1 << blockBits) - 1));
      const pattern = (coded[at + 1] as number) | ((coded[at + 9] as number) << 1);
      const isInner = i > 0 && i < lastBlock;
      if (isInner && cabac.bin(CONTEXT.subBlock + 2 * chroma + (pattern === 0 ? 0 : 1)) === 0) {
        continue;
      }
      coded[at] = 1;
      const table = (scan * 5 + (bits === 2 ? SMALL_PATTERN : pattern)) * COEFFICIENTS;
      const context = base + sizeContext + (i > 0 && !isChroma ? 3 : 0);
      let count = 0;
      let highest = 0;
      let lowest = 0;
      let n = 15;
      if (i === lastBlock) {
        count = 1;
        highest = last;
        lowest = last;
        n = last - 1;
      }
      for (; n > 0; n -= 1) {
        if (cabac.bin(context + (SIGNIFICANT[table + n] as number)) === 1) {
          highest = count === 0 ? n : highest;
          lowest = n;
          count += 1;
        }
      }
      // The first coefficient is inferred where the flag of the sub-block says that there is one.
      if (n === 0) {
        const firstContext = i === 0 ? base : context + (SIGNIFICANT[table] as number);
        if ((isInner && count === 0) || cabac.bin(firstContext) === 1) {
          lowest = 0;
          count += 1;
        }
      }
      if (count > 0) {
        const set = (i === 0 || isChroma ? 0 : 2) + (greater === 0 ? 1 : 0);
        greater = this.#readLevels(count, highest - lowest > 3, set + 4 * chroma);
      }
    }
  }

  /** Levels of a sub-block. @returns greater1Ctx after it; 0: one was above 1 */
  #readLevels(count: number, isSpread: boolean, set: number): number {
    const cabac = this.#cabac;
    const flagged = Math.min(count, MAX_FLAGGED);
    const context = CONTEXT.greater1 + 4 * set;
    let greater = 1;
    let flags = 0;
    let firstGreater = MAX_FLAGGED;
    for (let i = 0; i < flagged; i += 1) {
      if (cabac.bin(context + greater) === 1) {
        flags |= 1 << i;
        firstGreater = Math.min(firstGreater, i);
        greater = 0;
      } else if (greater > 0 && greater < 3) {
        greater += 1;
      }
    }
    const hasGreater2 = firstGreater < MAX_FLAGGED && cabac.bin(CONTEXT.greater2 + set) === 1;
    const signs = count - (this.hidesSigns && !this.isBypassed && isSpread ? 1 : 0);
    if (signs > 8) {
      cabac.bypassBits(8);
    }
    cabac.bypassBits(signs > 8 ? signs - 8 : signs);
    if (flags === 0 && count <= MAX_FLAGGED) {
      return greater;
    }
    let rice = 0;
    for (let i = 0; i < count; i += 1) {
      let level = 1;
      if (i < MAX_FLAGGED) {
        level += (flags >> i) & 1;
        if (i === firstGreater) {
          level += hasGreater2 ? 1 : 0;
        }
        if (level !== (i === firstGreater ? 3 : 2)) {
          continue;
        }
      }
      level += this.#remaining(rice);
      if (level > 3 << rice) {
        rice = Math.min(rice + 1, MAX_RICE);
      }
    }
    return greater;
  }

  /** coeff_abs_level_remaining, H.265 §9.3.3.11. */
  #remaining(rice: number): number {
    const cabac = this.#cabac;
    let prefix = 0;
    while (prefix < MAX_PREFIX && cabac.bypass() === 1) {
      prefix += 1;
    }
    if (prefix <= 3) {
      return (prefix << rice) + (rice > 0 ? cabac.bypassBits(rice) : 0);
    }
    if (prefix === MAX_PREFIX) {
      throw new PerchError('badInput', `coeff_abs_level_remaining has a prefix of ${MAX_PREFIX} bins`);
    }
    return (2 ** (prefix - 3) + 2) * (1 << rice) + cabac.bypassMany(prefix - 3 + rice);
  }

  #lastPrefix(context: number, shift: number, most: number): number {
    let prefix = 0;
    while (prefix < most && this.#cabac.bin(context + (prefix >> shift)) === 1) {
      prefix += 1;
    }
    return prefix;
  }

  #lastPosition(prefix: number): number {
    if (prefix <= 3) {
      return prefix;
    }
    const bits = (prefix >> 1) - 1;
    return ((2 + (prefix & 1)) << bits) + this.#cabac.bypassBits(bits);
  }
}
