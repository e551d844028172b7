import type { RbspWriter } from '../../media/payload/rbsp-writer.ts';

/** Quantiser of the slices: a luma DC level is then a difference of one, see macroblock.ts. */
const SLICE_QP = 28;
/** Chroma works at QP 22, where a chroma DC level is a difference of one, too. */
const CHROMA_QP_OFFSET = -6;

/** seq_parameter_set_rbsp(), ISO/IEC 14496-10 §7.3.2.1.1: Constrained Baseline, level 3, one reference picture. */
export function writeSps(writer: RbspWriter, width: number, height: number, fps: number): Uint8Array {
  const columns = Math.ceil(width / 16);
  const rows = Math.ceil(height / 16);
  writer.reset();
  writer.bits(66, 8); // profile_idc
  writer.bits(0xe0, 8); // constraint_set0, 1 and 2: what we write any profile can read
  writer.bits(30, 8); // level_idc
  writer.unsigned(0); // seq_parameter_set_id
  writer.unsigned(4); // log2_max_frame_num_minus4: 8 bits
  writer.unsigned(2); // pic_order_cnt_type: output order is decoding order
  writer.unsigned(1); // max_num_ref_frames
  writer.bits(0, 1); // gaps_in_frame_num_value_allowed_flag
  writer.unsigned(columns - 1);
  writer.unsigned(rows - 1);
  writer.bits(1, 1); // frame_mbs_only_flag
  writer.bits(1, 1); // direct_8x8_inference_flag
  writer.bits(1, 1); // frame_cropping_flag; offsets count in two luma pixels
  writer.unsigned(0);
  writer.unsigned((columns * 16 - width) / 2);
  writer.unsigned(0);
  writer.unsigned((rows * 16 - height) / 2);
  writer.bits(1, 1); // vui_parameters_present_flag
  writeVui(writer, fps);
  return writer.finish().slice();
}

/** vui_parameters(), §E.1.1: the frame rate, and no reordered pictures. */
function writeVui(writer: RbspWriter, fps: number): void {
  writer.bits(0, 4); // aspect ratio, overscan, video signal type, chroma location: not said
  writer.bits(1, 1); // timing_info_present_flag
  write32(writer, 1); // num_units_in_tick
  write32(writer, 2 * fps); // time_scale counts fields
  writer.bits(0, 1); // fixed_frame_rate_flag: pictures may be left out
  writer.bits(0, 3); // no HRD parameters, no pic_struct
  writer.bits(1, 1); // bitstream_restriction_flag
  writer.bits(1, 1); // motion_vectors_over_pic_boundaries_flag
  writer.unsigned(0); // max_bytes_per_pic_denom: no limit
  writer.unsigned(0); // max_bits_per_mb_denom: no limit
  writer.unsigned(0); // log2_max_mv_length_horizontal
  writer.unsigned(0); // log2_max_mv_length_vertical
  writer.unsigned(0); // max_num_reorder_frames
  writer.unsigned(1); // max_dec_frame_buffering
}

/** pic_parameter_set_rbsp(), §7.3.2.2. */
export function writePps(writer: RbspWriter): Uint8Array {
  writer.reset();
  writer.unsigned(0); // pic_parameter_set_id
  writer.unsigned(0); // seq_parameter_set_id
  writer.bits(0, 2); // CAVLC, no picture order count in slices
  writer.unsigned(0); // one slice group
  writer.unsigned(0); // num_ref_idx_l0_default_active_minus1
  writer.unsigned(0); // num_ref_idx_l1_default_active_minus1
  writer.bits(0, 3); // no weighted prediction
  writer.signed(SLICE_QP - 26);
  writer.signed(0); // pic_init_qs_minus26
  writer.signed(CHROMA_QP_OFFSET);
  writer.bits(1, 1); // deblocking_filter_control_present_flag
  writer.bits(0, 2); // constrained_intra_pred_flag, redundant_pic_cnt_present_flag
  return writer.finish().slice();
}

function write32(writer: RbspWriter, value: number): void {
  writer.bits(value >>> 16, 16);
  writer.bits(value & 0xffff, 16);
}
