import type { BitReader } from '../bit-reader.ts';
import { skipPictureDescription } from '../picture-description.ts';

const MAX_FPS = 1000;
const MAX_REF_PICS = 16;

/** What slice headers have or leave out as the SPS says, H.265 §7.3.6.1. */
export interface SliceSyntax {
  readonly hasAdaptiveOffset: boolean;
  readonly shortTermSets: number;
  /** Long-term reference pictures in the SPS; undefined: slices name none. */
  readonly longTermPictures: number | undefined;
  readonly hasTemporalMotionVectors: boolean;
}

/** An SPS from log2_min_luma_coding_block_size_minus3 up to its video usability information, H.265 §7.3.2.2.1. */
export function parseSliceSyntax(bits: BitReader, pocLsbBits: number): SliceSyntax {
  for (let i = 0; i < 6; i += 1) {
    bits.ue(); // block sizes and depths
  }
  // scaling_list_enabled_flag, sps_scaling_list_data_present_flag
  if (bits.flag() && bits.flag()) {
    skipScalingLists(bits);
  }
  bits.skip(1); // asymmetric motion partitions
  const hasAdaptiveOffset = bits.flag();
  if (bits.flag()) {
    bits.skip(8); // PCM bit depths
    bits.ue();
    bits.ue();
    bits.skip(1);
  }
  const shortTermSets = skipReferenceSets(bits);
  const longTermPictures = bits.flag() ? bits.ueUpTo(32, 'num_long_term_ref_pics_sps') : undefined;
  bits.skip((longTermPictures ?? 0) * (pocLsbBits + 1));
  const hasTemporalMotionVectors = bits.flag();
  bits.skip(1); // strong intra smoothing
  return { hasAdaptiveOffset, shortTermSets, longTermPictures, hasTemporalMotionVectors };
}

/** The frame rate, from the video usability information at the end of an SPS (H.265 §E.2.1); undefined: not said. */
export function parseFps(bits: BitReader): number | undefined {
  return bits.flag() ? parseVui(bits) : undefined;
}

/** H.265 §7.3.4. */
function skipScalingLists(bits: BitReader): void {
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

/** @returns how many there are */
function skipReferenceSets(bits: BitReader): number {
  const count = bits.ueUpTo(64, 'num_short_term_ref_pic_sets');
  let previous: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const isPredicted = i > 0 && bits.flag();
    previous = isPredicted ? predictSet(bits, previous) : readSet(bits);
  }
  return count;
}

/** Distances of the reference pictures in picture order counts, nearest first, the earlier ones before the later. H.265 §7.3.7. */
function readSet(bits: BitReader): number[] {
  const negative = bits.ueUpTo(MAX_REF_PICS, 'num_negative_pics');
  const positive = bits.ueUpTo(MAX_REF_PICS, 'num_positive_pics');
  const distances: number[] = [];
  for (let i = 0, distance = 0; i < negative; i += 1) {
    distance -= bits.ue() + 1;
    bits.skip(1);
    distances.push(distance);
  }
  for (let i = 0, distance = 0; i < positive; i += 1) {
    distance += bits.ue() + 1;
    bits.skip(1);
    distances.push(distance);
  }
  return distances;
}

/** inter_ref_pic_set_prediction_flag: made from the set before, equations 7-61 and 7-62. In an SPS it is always the one right before. */
function predictSet(bits: BitReader, previous: readonly number[]): number[] {
  const isNegative = bits.flag();
  const delta = (bits.ue() + 1) * (isNegative ? -1 : 1);
  const distances: number[] = [];
  for (let i = 0; i <= previous.length; i += 1) {
    const isUsed = bits.flag() || bits.flag();
    const distance = (previous[i] ?? 0) + delta;
    if (isUsed && distance !== 0 && distances.length < MAX_REF_PICS) {
      distances.push(distance);
    }
  }
  const earlier = distances.filter((distance) => distance < 0).sort((a, b) => b - a);
  const later = distances.filter((distance) => distance > 0).sort((a, b) => a - b);
  return [...earlier, ...later];
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
  return fps > 0 && fps <= MAX_FPS ? fps : undefined;
}
