import type { BitReader } from '../payload/bit-reader.ts';
import { skipPictureDescription } from '../payload/parameter-sets.ts';

/** The used fields of the video usability information, H.264 annex E. */
export interface Vui {
  readonly fps: number | undefined;
  readonly maxReorderFrames: number | undefined;
}

/** H.264 §E.1.1. */
export function parseVui(bits: BitReader): Vui {
  skipPictureDescription(bits);
  const fps = bits.flag() ? parseTiming(bits) : undefined;
  const hasNalHrd = bits.flag();
  if (hasNalHrd) {
    skipHrd(bits);
  }
  const hasVclHrd = bits.flag();
  if (hasVclHrd) {
    skipHrd(bits);
  }
  if (hasNalHrd || hasVclHrd) {
    bits.skip(1); // low_delay_hrd_flag
  }
  bits.skip(1); // pic_struct_present_flag
  return { fps, maxReorderFrames: bits.flag() ? parseRestriction(bits) : undefined };
}

/** Two ticks make a frame, H.264 §E.2.1 num_units_in_tick. */
function parseTiming(bits: BitReader): number | undefined {
  const unitsInTick = bits.bits(32);
  const timeScale = bits.bits(32);
  bits.skip(1); // fixed_frame_rate_flag
  const fps = timeScale / (2 * unitsInTick);
  return fps > 0 && fps <= 1000 ? fps : undefined;
}

/** H.264 §E.1.2. */
function skipHrd(bits: BitReader): void {
  const schedules = bits.ueUpTo(31, 'cpb_cnt_minus1') + 1;
  bits.skip(8);
  for (let i = 0; i < schedules; i += 1) {
    bits.ue();
    bits.ue();
    bits.skip(1);
  }
  bits.skip(20);
}

/** bitstream_restriction: its max_num_reorder_frames. */
function parseRestriction(bits: BitReader): number | undefined {
  bits.skip(1); // motion_vectors_over_pic_boundaries_flag
  bits.ue(); // max_bytes_per_pic_denom
  bits.ue(); // max_bits_per_mb_denom
  bits.ue(); // log2_max_mv_length_horizontal
  bits.ue(); // log2_max_mv_length_vertical
  const maxReorderFrames = bits.ue();
  return maxReorderFrames <= 16 ? maxReorderFrames : undefined;
}
