import { PerchError, unlessExpected } from '../../base/errors.ts';
import { BitReader } from '../payload/bit-reader.ts';
import type { H264Track } from '../sample/track.ts';
import { parseVui, type Vui } from './vui.ts';

/** The largest side of level 6.2 is 16,384. */
const MAX_SIDE_PIXELS = 16_384;
/** Profiles whose SPS and `avcC` have chroma format and bit depth, H.264 §7.3.2.1.1; others are 8 bits 4:2:0. */
export const HIGH_PROFILES = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
const NO_VUI: Vui = { fps: undefined, maxReorderFrames: undefined };

/** Sequence parameter set, H.264 §7.3.2.1. */
export interface H264Sps {
  readonly id: number;
  readonly profileIdc: number;
  /** The byte after profile_idc; constraint_set0_flag is its highest bit. */
  readonly constraints: number;
  /** Ten times the level; 9 or 11 with constraint_set3_flag: level 1b. */
  readonly levelIdc: number;
  /** 0: grey, 1: 4:2:0, 2: 4:2:2, 3: 4:4:4. */
  readonly chromaFormatIdc: number;
  readonly hasSeparatePlanes: boolean;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  readonly frameNumBits: number;
  readonly pocType: number;
  /** Only with pocType 0. */
  readonly pocLsbBits: number;
  /** With pocType 1 slices carry delta_pic_order_cnt. */
  readonly hasPocDelta: boolean;
  readonly isFrameOnly: boolean;
  /** Pixels before cropping. */
  readonly codedWidth: number;
  readonly codedHeight: number;
  /** Pixels after cropping. */
  readonly width: number;
  readonly height: number;
  readonly fps: number | undefined;
  /** max_num_reorder_frames, or undefined if not signalled. */
  readonly maxReorderFrames: number | undefined;
}

/** Picture parameter set, as far as slice headers need it: H.264 §7.3.2.2. */
export interface H264Pps {
  readonly id: number;
  readonly spsId: number;
  /** Undefined if the PPS ends before it, or has slice groups. */
  readonly slices: H264SliceSyntax | undefined;
}

/** The fields of the PPS that decide which fields slice headers have, H.264 §7.3.3. */
export interface H264SliceSyntax {
  readonly isCabac: boolean;
  /** bottom_field_pic_order_in_frame_present_flag. */
  readonly hasFieldPocDelta: boolean;
  /** Entries in the reference lists, unless a slice header says otherwise. */
  readonly listEntries: readonly [number, number];
  readonly isWeighted: boolean;
  /** weighted_bipred_idc: 1 has weights in slice headers. */
  readonly weightedBipredIdc: number;
  /** pic_init_qp. */
  readonly initQp: number;
  readonly hasRedundantPictures: boolean;
}

/** @param nal the NAL unit with its header. Bytes after the parameters are ignored (Reolink sends some). @throws PerchError */
export function parseH264Sps(nal: Uint8Array): H264Sps {
  if (nal.length < 4 || ((nal[0] as number) & 0x1f) !== 7) {
    throw new PerchError('badInput', `NAL unit of ${nal.length} bytes is not an H.264 SPS`);
  }
  const bits = new BitReader(nal, 1, nal.length, true);
  const profileIdc = bits.bits(8);
  const constraints = bits.bits(8);
  const levelIdc = bits.bits(8);
  const id = bits.ueUpTo(31, 'seq_parameter_set_id');
  const color = parseColor(bits, profileIdc);
  const frameNumBits = bits.ueUpTo(12, 'log2_max_frame_num_minus4') + 4;
  const poc = parsePocType(bits);
  bits.ueUpTo(32, 'max_num_ref_frames');
  bits.flag(); // gaps_in_frame_num_value_allowed_flag
  const size = parseSize(bits, color.hasSeparatePlanes ? 0 : color.chromaFormatIdc);
  // Some encoders truncate the VUI, or fill it with invalid data.
  const vui = unlessExpected(() => (bits.flag() ? parseVui(bits) : undefined)) ?? NO_VUI;
  const sps = { id, profileIdc, constraints, levelIdc, ...color, frameNumBits, ...poc, ...size, fps: vui.fps };
  return { ...sps, maxReorderFrames: maxReorder(sps, vui) };
}

/** @param nal the NAL unit with its header @throws PerchError if it is not a PPS or its ids are invalid */
export function parseH264Pps(nal: Uint8Array): H264Pps {
  if (nal.length < 2 || ((nal[0] as number) & 0x1f) !== 8) {
    throw new PerchError('badInput', `NAL unit of ${nal.length} bytes is not an H.264 PPS`);
  }
  const bits = new BitReader(nal, 1, nal.length, true);
  const id = bits.ueUpTo(255, 'pic_parameter_set_id');
  const spsId = bits.ueUpTo(31, 'seq_parameter_set_id');
  return { id, spsId, slices: unlessExpected(() => parseSliceSyntax(bits)) };
}

function parseSliceSyntax(bits: BitReader): H264SliceSyntax | undefined {
  const isCabac = bits.flag();
  const hasFieldPocDelta = bits.flag();
  if (bits.ue() > 0) {
    return undefined; // num_slice_groups_minus1
  }
  const listEntries = [
    bits.ueUpTo(31, 'num_ref_idx_l0_default_active_minus1') + 1,
    bits.ueUpTo(31, 'num_ref_idx_l1_default_active_minus1') + 1,
  ] as const;
  const isWeighted = bits.flag();
  const weightedBipredIdc = bits.bits(2);
  const initQp = 26 + bits.se();
  bits.se(); // pic_init_qs_minus26
  bits.se(); // chroma_qp_index_offset
  bits.skip(2); // deblocking_filter_control_present_flag, constrained_intra_pred_flag
  const hasRedundantPictures = bits.flag();
  return { isCabac, hasFieldPocDelta, listEntries, isWeighted, weightedBipredIdc, initQp, hasRedundantPictures };
}

/** The track that these parameter sets describe. @throws PerchError if the SPS is invalid */
export function h264Track(sps: Uint8Array, pps: readonly Uint8Array[]): H264Track {
  const { width, height, fps } = parseH264Sps(sps);
  return { kind: 'video', codec: 'h264', clockRate: 90_000, width, height, fps, sps, pps };
}

function parseColor(bits: BitReader, profileIdc: number) {
  if (!HIGH_PROFILES.includes(profileIdc)) {
    return { chromaFormatIdc: 1, hasSeparatePlanes: false, bitDepthLuma: 8, bitDepthChroma: 8 };
  }
  const chromaFormatIdc = bits.ueUpTo(3, 'chroma_format_idc');
  const hasSeparatePlanes = chromaFormatIdc === 3 && bits.flag();
  const bitDepthLuma = bits.ueUpTo(6, 'bit_depth_luma_minus8') + 8;
  const bitDepthChroma = bits.ueUpTo(6, 'bit_depth_chroma_minus8') + 8;
  bits.flag(); // qpprime_y_zero_transform_bypass_flag
  if (bits.flag()) {
    const lists = chromaFormatIdc === 3 ? 12 : 8;
    for (let list = 0; list < lists; list += 1) {
      if (bits.flag()) {
        skipScalingList(bits, list < 6 ? 16 : 64);
      }
    }
  }
  return { chromaFormatIdc, hasSeparatePlanes, bitDepthLuma, bitDepthChroma };
}

/** H.264 §7.3.2.1.1.1. */
function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size && next !== 0; i += 1) {
    next = (last + bits.se() + 256) & 0xff;
    last = next === 0 ? last : next;
  }
}

function parsePocType(bits: BitReader) {
  const pocType = bits.ueUpTo(2, 'pic_order_cnt_type');
  if (pocType === 0) {
    return { pocType, pocLsbBits: bits.ueUpTo(12, 'log2_max_pic_order_cnt_lsb_minus4') + 4, hasPocDelta: false };
  }
  let hasPocDelta = false;
  if (pocType === 1) {
    hasPocDelta = !bits.flag(); // delta_pic_order_always_zero_flag
    bits.se(); // offset_for_non_ref_pic
    bits.se(); // offset_for_top_to_bottom_field
    const cycle = bits.ueUpTo(255, 'num_ref_frames_in_pic_order_cnt_cycle');
    for (let i = 0; i < cycle; i += 1) {
      bits.se();
    }
  }
  return { pocType, pocLsbBits: 0, hasPocDelta };
}

function parseSize(bits: BitReader, chromaArrayType: number) {
  const codedWidth = (bits.ueUpTo(MAX_SIDE_PIXELS / 16, 'pic_width_in_mbs_minus1') + 1) * 16;
  const mapUnits = bits.ueUpTo(MAX_SIDE_PIXELS / 16, 'pic_height_in_map_units_minus1') + 1;
  const isFrameOnly = bits.flag();
  const codedHeight = mapUnits * 16 * (isFrameOnly ? 1 : 2);
  if (!isFrameOnly) {
    bits.flag(); // mb_adaptive_frame_field_flag
  }
  bits.skip(1); // direct_8x8_inference_flag
  let [left, right, top, bottom] = [0, 0, 0, 0];
  if (bits.flag()) {
    left = bits.ue();
    right = bits.ue();
    top = bits.ue();
    bottom = bits.ue();
  }
  // Crop units, H.264 equations 7-19 to 7-22.
  const unitX = chromaArrayType === 1 || chromaArrayType === 2 ? 2 : 1;
  const unitY = (chromaArrayType === 1 ? 2 : 1) * (isFrameOnly ? 1 : 2);
  const width = codedWidth - unitX * (left + right);
  const height = codedHeight - unitY * (top + bottom);
  if (width <= 0 || height <= 0 || width > MAX_SIDE_PIXELS || height > MAX_SIDE_PIXELS) {
    throw new PerchError(
      'badInput',
      `SPS has a picture of ${width} x ${height} pixels, 1 to ${MAX_SIDE_PIXELS} allowed`,
    );
  }
  return { codedWidth, codedHeight, width, height, isFrameOnly };
}

/** H.264 §E.2.1 max_num_reorder_frames; 0 for profiles without B-frames and for streams decoded in output order. */
function maxReorder(sps: { profileIdc: number; constraints: number; pocType: number }, vui: Vui): number | undefined {
  const isBaseline = sps.profileIdc === 66;
  const isIntraOnly = [44, 86, 100, 110, 122, 244].includes(sps.profileIdc) && (sps.constraints & 0x10) !== 0;
  return isBaseline || isIntraOnly || sps.pocType === 2 ? 0 : vui.maxReorderFrames;
}
