import type { BitReader } from '../payload/bit-reader.ts';
import { skipPictureDescription } from '../payload/parameter-sets.ts';
import { type LongTermPicture, parseShortTermSets, type ShortTermSet } from './reference-sets.ts';

/** The fields of the SPS that decide which fields slice headers have, H.265 §7.3.6.1. */
export interface SliceSyntax {
  /** Log2 of the side of a coding tree unit in pixels. */
  readonly treeUnitBits: number;
  readonly hasAdaptiveOffset: boolean;
  readonly shortTermSets: readonly ShortTermSet[];
  /** Long-term reference pictures in the SPS, or undefined if slices have none. */
  readonly longTermPictures: readonly LongTermPicture[] | undefined;
  readonly hasTemporalMotionVectors: boolean;
}

/** An SPS from log2_min_luma_coding_block_size_minus3 up to its video usability information, H.265 §7.3.2.2.1. */
export function parseSliceSyntax(bits: BitReader, pocLsbBits: number): SliceSyntax {
  const minBlockBits = 3 + bits.ueUpTo(3, 'log2_min_luma_coding_block_size_minus3');
  const treeUnitBits = minBlockBits + bits.ueUpTo(3, 'log2_diff_max_min_luma_coding_block_size');
  bits.ue(); // log2_min_luma_transform_block_size_minus2
  bits.ue(); // log2_diff_max_min_luma_transform_block_size
  bits.ue(); // max_transform_hierarchy_depth_inter
  bits.ue(); // max_transform_hierarchy_depth_intra
  // scaling_list_enabled_flag, sps_scaling_list_data_present_flag
  if (bits.flag() && bits.flag()) {
    skipScalingLists(bits);
  }
  bits.skip(1); // amp_enabled_flag
  const hasAdaptiveOffset = bits.flag();
  if (bits.flag()) {
    skipPcm(bits);
  }
  const shortTermSets = parseShortTermSets(bits);
  const longTermPictures = bits.flag() ? parseLongTermPictures(bits, pocLsbBits) : undefined;
  const hasTemporalMotionVectors = bits.flag();
  bits.skip(1); // strong intra smoothing
  return { treeUnitBits, hasAdaptiveOffset, shortTermSets, longTermPictures, hasTemporalMotionVectors };
}

function skipPcm(bits: BitReader): void {
  bits.skip(8); // pcm_sample_bit_depth_luma_minus1, pcm_sample_bit_depth_chroma_minus1
  bits.ue(); // log2_min_pcm_luma_coding_block_size_minus3
  bits.ue(); // log2_diff_max_min_pcm_luma_coding_block_size
  bits.skip(1); // pcm_loop_filter_disabled_flag
}

function parseLongTermPictures(bits: BitReader, pocLsbBits: number): LongTermPicture[] {
  const count = bits.ueUpTo(32, 'num_long_term_ref_pics_sps');
  return Array.from({ length: count }, () => ({ pocLsb: bits.bits(pocLsbBits), isUsed: bits.flag() }));
}

/** The frame rate, from the video usability information at the end of an SPS (H.265 §E.2.1), or undefined if not signalled. */
export function parseFps(bits: BitReader): number | undefined {
  return bits.flag() ? parseVui(bits) : undefined;
}

/** H.265 §7.3.4. */
export function skipScalingLists(bits: BitReader): void {
  for (let size = 0; size < 4; size += 1) {
    for (let matrix = 0; matrix < 6; matrix += size === 3 ? 3 : 1) {
      if (!bits.flag()) {
        bits.ue(); // scaling_list_pred_matrix_id_delta
        continue;
      }
      if (size > 1) {
        bits.se(); // scaling_list_dc_coef_minus8
      }
      const coefficients = Math.min(64, 16 << (2 * size));
      for (let i = 0; i < coefficients; i += 1) {
        bits.se();
      }
    }
  }
}

/** H.265 §E.2.1 up to the timing. */
function parseVui(bits: BitReader): number | undefined {
  skipPictureDescription(bits);
  bits.skip(3); // neutral chroma, field sequence, frame and field information
  if (bits.flag()) {
    for (let side = 0; side < 4; side += 1) {
      bits.ue(); // default display window
    }
  }
  if (!bits.flag()) {
    return undefined;
  }
  const unitsInTick = bits.bits(32);
  const timeScale = bits.bits(32);
  const fps = timeScale / unitsInTick;
  return fps > 0 && fps <= 1000 ? fps : undefined;
}
