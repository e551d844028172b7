import { escapeNal, RbspWriter } from '../../payload/rbsp-writer.ts';
import type { Frame } from './frame.ts';
import { chooseFlat, writeFlat, writePcm } from './macroblock.ts';

const NAL_IDR = 0x65;
const NAL_NON_IDR = 0x41;
const FRAME_NUM_RANGE = 256;

/** Coefficients of a macroblock: CAVLC needs those of the two neighbours (ISO/IEC 14496-10 §9.2.1). */
const PCM = 16;
const NO_COEFFICIENTS = 0;

/**
 * A Constrained Baseline encoder for drawn pictures (ISO/IEC 14496-10): P_Skip where nothing has changed,
 * Intra16x16 with one DC coefficient where a macroblock is of one colour, and I_PCM for the rest.
 * The deblocking filter is off and all three are lossless, so a decoder shows exactly what was drawn.
 */
export class H264Encoder {
  readonly sps: Uint8Array;
  readonly pps: Uint8Array;
  readonly #writer: RbspWriter;
  /** PCM or NO_COEFFICIENTS of each macroblock of the present picture. */
  readonly #coefficients: Uint8Array;
  #frameNum = 0;
  #idrPicId = 0;

  constructor(width: number, height: number, fps: number) {
    const macroblocks = Math.ceil(width / 16) * Math.ceil(height / 16);
    // The largest macroblock is I_PCM: 384 bytes, its type, alignment and a skip run.
    this.#writer = new RbspWriter(64 + macroblocks * 392);
    this.#coefficients = new Uint8Array(macroblocks);
    this.sps = escapeNal([0x67], writeSps(this.#writer, width, height, fps));
    this.pps = escapeNal([0x68], writePps(this.#writer));
  }

  /**
   * Encodes the frame and settles it.
   * @param isKey an IDR picture; the first picture must be one
   * @returns 4-byte length + NAL unit, as `Sample.data`
   */
  encode(frame: Frame, isKey: boolean): Uint8Array {
    const writer = this.#writer;
    writer.reset();
    this.#writeSliceHeader(isKey);
    this.#writeMacroblocks(frame, isKey);
    const unit = escapeNal([isKey ? NAL_IDR : NAL_NON_IDR], writer.finish(), 4);
    new DataView(unit.buffer, unit.byteOffset).setUint32(0, unit.length - 4);
    frame.settle();
    return unit;
  }

  /** slice_header(), §7.3.3. One slice is one picture. */
  #writeSliceHeader(isKey: boolean): void {
    const writer = this.#writer;
    this.#frameNum = isKey ? 0 : (this.#frameNum + 1) % FRAME_NUM_RANGE;
    writer.unsigned(0); // first_mb_in_slice
    writer.unsigned(isKey ? 7 : 5); // slice_type: all slices of the picture are I, or P
    writer.unsigned(0); // pic_parameter_set_id
    writer.bits(this.#frameNum, 8);
    if (isKey) {
      // Two IDR pictures in a row must differ in it (§7.4.3).
      this.#idrPicId ^= 1;
      writer.unsigned(this.#idrPicId);
      writer.bits(0, 2); // no_output_of_prior_pics_flag, long_term_reference_flag
    } else {
      writer.bits(0, 3); // num_ref_idx_active_override, ref_pic_list_modification_l0, adaptive_ref_pic_marking_mode
    }
    writer.signed(0); // slice_qp_delta
    writer.unsigned(1); // disable_deblocking_filter_idc
  }

  /** slice_data(), §7.3.4. */
  #writeMacroblocks(frame: Frame, isKey: boolean): void {
    const { columns, changed } = frame;
    const coefficients = this.#coefficients;
    const writer = this.#writer;
    // mb_type of intra macroblocks counts from 5 in P slices (§7.4.5, table 7-13).
    const typeBase = isKey ? 0 : 5;
    let skipped = 0;
    for (let address = 0; address < coefficients.length; address += 1) {
      if (!isKey && changed[address] === 0) {
        skipped += 1;
        coefficients[address] = NO_COEFFICIENTS;
        continue;
      }
      if (!isKey) {
        writer.unsigned(skipped);
        skipped = 0;
      }
      const flat = chooseFlat(frame, address);
      if (flat) {
        writeFlat(writer, typeBase, flat, countAround(coefficients, address, columns));
        coefficients[address] = NO_COEFFICIENTS;
      } else {
        writePcm(writer, typeBase, frame, address);
        coefficients[address] = PCM;
      }
    }
    if (skipped > 0) {
      writer.unsigned(skipped);
    }
  }
}

/** nC of a macroblock's first block: the mean of what the left and the upper neighbour have (§9.2.1). */
function countAround(coefficients: Uint8Array, address: number, columns: number): number {
  const left = address % columns > 0 ? (coefficients[address - 1] as number) : undefined;
  const above = address >= columns ? (coefficients[address - columns] as number) : undefined;
  if (left !== undefined && above !== undefined) {
    return (left + above + 1) >> 1;
  }
  return left ?? above ?? 0;
}

/** Quantiser of the slices: a luma DC level is then a difference of one, see macroblock.ts. */
const SLICE_QP = 28;
/** Chroma works at QP 22, where a chroma DC level is a difference of one, too. */
const CHROMA_QP_OFFSET = -6;

/** seq_parameter_set_rbsp(), ISO/IEC 14496-10 §7.3.2.1.1: Constrained Baseline, one reference picture. */
function writeSps(writer: RbspWriter, width: number, height: number, fps: number): Uint8Array {
  const columns = Math.ceil(width / 16);
  const rows = Math.ceil(height / 16);
  writer.reset();
  writer.bits(66, 8); // profile_idc
  writer.bits(0xe0, 8); // constraint_set0, 1 and 2: decoders of every profile can read the stream
  writer.bits(levelFor(columns * rows), 8); // level_idc
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
  writer.bits(0, 4); // aspect ratio, overscan, video signal type, chroma location: not signalled
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
function writePps(writer: RbspWriter): Uint8Array {
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

/** Lowest level for this many macroblocks in a picture, ISO/IEC 14496-10 table A-1; level 3 at least. */
function levelFor(macroblocks: number): number {
  const [, level = 52] = LEVELS.find(([most]) => macroblocks <= most) ?? [];
  return level;
}

const LEVELS: readonly (readonly [macroblocks: number, level: number])[] = [
  [1_620, 30],
  [3_600, 31],
  [8_192, 40],
  [22_080, 50],
];

function write32(writer: RbspWriter, value: number): void {
  writer.bits(value >>> 16, 16);
  writer.bits(value & 0xffff, 16);
}
