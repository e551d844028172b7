import type { BitReader } from '../payload/bit-reader.ts';

/** profile_tier_level() for the whole stream, H.265 §7.3.3: what hvcC and the codecs parameter repeat. */
export interface H265Profile {
  /** general_profile_space, 0 to 3. */
  readonly space: number;
  /** general_tier_flag: high tier. */
  readonly isHighTier: boolean;
  /** general_profile_idc. */
  readonly profileIdc: number;
  /** general_profile_compatibility_flag[0] is the highest of 32 bits. */
  readonly compatibility: number;
  /** The six bytes from general_progressive_source_flag on. */
  readonly constraints: Uint8Array;
  /** Thirty times the level. */
  readonly levelIdc: number;
}

export function parseProfile(bits: BitReader, maxSubLayersMinus1: number): H265Profile {
  const space = bits.bits(2);
  const isHighTier = bits.flag();
  const profileIdc = bits.bits(5);
  const compatibility = bits.bits(32);
  const constraints = new Uint8Array(6);
  for (let i = 0; i < constraints.length; i += 1) {
    constraints[i] = bits.bits(8);
  }
  const levelIdc = bits.bits(8);
  skipSubLayers(bits, maxSubLayersMinus1);
  return { space, isHighTier, profileIdc, compatibility, constraints, levelIdc };
}

function skipSubLayers(bits: BitReader, maxSubLayersMinus1: number): void {
  let skipBits = 0;
  for (let layer = 0; layer < maxSubLayersMinus1; layer += 1) {
    skipBits += (bits.flag() ? 88 : 0) + (bits.flag() ? 8 : 0);
  }
  if (maxSubLayersMinus1 > 0) {
    skipBits += 2 * (8 - maxSubLayersMinus1);
  }
  bits.skip(skipBits);
}
