import { PerchError, unlessExpected } from '../../base/errors.ts';
import { BitReader } from '../payload/bit-reader.ts';
import type { H265Track } from '../sample/track.ts';
import { parseFps, parseSliceSyntax, type SliceSyntax, skipScalingLists } from './vui.ts';

const VPS_NAL = 32;
const SPS_NAL = 33;
const PPS_NAL = 34;
/** The largest side of level 6.2 is 16,888. */
const MAX_SIDE_PIXELS = 16_888;

/** Sequence parameter set, H.265 §7.3.2.2: the fields that hvcC repeats (ISO/IEC 14496-15 §8.3.3.1). */
export interface H265Sps {
  readonly id: number;
  readonly vpsId: number;
  readonly profile: H265Profile;
  /** Temporal sub-layers, 1 to 7. */
  readonly subLayers: number;
  readonly isTemporalIdNested: boolean;
  /** 0: grey, 1: 4:2:0, 2: 4:2:2, 3: 4:4:4. */
  readonly chromaFormatIdc: number;
  readonly hasSeparatePlanes: boolean;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  readonly pocLsbBits: number;
  /** Pixels within the conformance window. */
  readonly width: number;
  readonly height: number;
  readonly fps: number | undefined;
  readonly maxReorderFrames: number;
  /** Undefined if the SPS ends before it. */
  readonly slices: SliceSyntax | undefined;
  /** Coding tree units in a picture; 0 if the SPS ends before their size. */
  readonly treeUnits: number;
  /** The picture before cropping. */
  readonly coded: { readonly width: number; readonly height: number };
}

/** Picture parameter set, as far as slice headers need it: H.265 §7.3.2.3. */
export interface H265Pps {
  readonly id: number;
  readonly spsId: number;
  readonly hasDependentSlices: boolean;
  readonly hasOutputFlag: boolean;
  readonly extraSliceHeaderBits: number;
  /** Undefined if the PPS ends before it. */
  readonly slices: H265PpsSlices | undefined;
}

/** The fields of the PPS that decide which fields slice headers and coding units have, H.265 §7.3.6.1 and §7.3.8. */
export interface H265PpsSlices {
  readonly hasCabacInitFlag: boolean;
  /** Entries in the reference lists, unless a slice header says otherwise. */
  readonly listEntries: readonly [number, number];
  /** 26 + init_qp_minus26: negative with more than 8 bits. */
  readonly initQp: number;
  readonly isWeighted: boolean;
  readonly isWeightedBi: boolean;
  /** lists_modification_present_flag. */
  readonly hasListModification: boolean;
}

/** @param nal the NAL unit with its two header bytes @throws PerchError if it is not an SPS or its fields are invalid */
export function parseH265Sps(nal: Uint8Array): H265Sps {
  const bits = readerOf(nal, SPS_NAL, 'SPS');
  const vpsId = bits.bits(4);
  const maxSubLayersMinus1 = bits.bits(3);
  if (maxSubLayersMinus1 > 6) {
    throw new PerchError('badInput', `SPS has ${maxSubLayersMinus1 + 1} sub-layers, at most 7 allowed`);
  }
  const isTemporalIdNested = bits.flag();
  const profile = parseProfile(bits, maxSubLayersMinus1);
  const id = bits.ueUpTo(15, 'sps_seq_parameter_set_id');
  const chromaFormatIdc = bits.ueUpTo(3, 'chroma_format_idc');
  const hasSeparatePlanes = chromaFormatIdc === 3 && bits.flag();
  const { coded, ...size } = parseSize(bits, hasSeparatePlanes ? 0 : chromaFormatIdc);
  const bitDepthLuma = bits.ueUpTo(8, 'bit_depth_luma_minus8') + 8;
  const bitDepthChroma = bits.ueUpTo(8, 'bit_depth_chroma_minus8') + 8;
  const pocLsbBits = bits.ueUpTo(12, 'log2_max_pic_order_cnt_lsb_minus4') + 4;
  const maxReorderFrames = parseReorder(bits, maxSubLayersMinus1);
  // Some encoders truncate the rest, or fill it with invalid data.
  const slices = unlessExpected(() => parseSliceSyntax(bits, pocLsbBits));
  const fps = slices && unlessExpected(() => parseFps(bits));
  const subLayers = maxSubLayersMinus1 + 1;
  const color = { chromaFormatIdc, hasSeparatePlanes, bitDepthLuma, bitDepthChroma };
  const treeBits = slices?.treeUnitBits ?? 0;
  const treeUnits = slices ? Math.ceil(coded.width / 2 ** treeBits) * Math.ceil(coded.height / 2 ** treeBits) : 0;
  const order = { pocLsbBits, maxReorderFrames, slices, treeUnits };
  return { id, vpsId, profile, subLayers, isTemporalIdNested, ...color, ...order, ...size, coded, fps };
}

/** @param nal the NAL unit with its two header bytes @throws PerchError if it is not a PPS or its ids are invalid */
export function parseH265Pps(nal: Uint8Array): H265Pps {
  const bits = readerOf(nal, PPS_NAL, 'PPS');
  const id = bits.ueUpTo(63, 'pps_pic_parameter_set_id');
  const spsId = bits.ueUpTo(15, 'pps_seq_parameter_set_id');
  const hasDependentSlices = bits.flag();
  const hasOutputFlag = bits.flag();
  const extraSliceHeaderBits = bits.bits(3);
  const slices = unlessExpected(() => parsePpsSlices(bits));
  return { id, spsId, hasDependentSlices, hasOutputFlag, extraSliceHeaderBits, slices };
}

/** A PPS from sign_data_hiding_enabled_flag up to lists_modification_present_flag. */
function parsePpsSlices(bits: BitReader): H265PpsSlices {
  bits.skip(1); // sign_data_hiding_enabled_flag
  const hasCabacInitFlag = bits.flag();
  const listEntries = [
    bits.ueUpTo(14, 'num_ref_idx_l0_default_active_minus1') + 1,
    bits.ueUpTo(14, 'num_ref_idx_l1_default_active_minus1') + 1,
  ] as const;
  const initQp = 26 + bits.se();
  bits.skip(2); // constrained_intra_pred_flag, transform_skip_enabled_flag
  if (bits.flag()) {
    bits.ue(); // diff_cu_qp_delta_depth
  }
  bits.se(); // pps_cb_qp_offset
  bits.se(); // pps_cr_qp_offset
  bits.skip(1); // pps_slice_chroma_qp_offsets_present_flag
  const isWeighted = bits.flag();
  const isWeightedBi = bits.flag();
  bits.skip(1); // transquant_bypass_enabled_flag
  const hasTiles = bits.flag();
  bits.skip(1); // entropy_coding_sync_enabled_flag
  if (hasTiles) {
    skipTiles(bits);
  }
  bits.skip(1); // pps_loop_filter_across_slices_enabled_flag
  if (bits.flag()) {
    bits.skip(1); // deblocking_filter_override_enabled_flag
    if (!bits.flag()) {
      bits.se(); // pps_beta_offset_div2
      bits.se(); // pps_tc_offset_div2
    }
  }
  if (bits.flag()) {
    skipScalingLists(bits);
  }
  const hasListModification = bits.flag();
  return { hasCabacInitFlag, listEntries, initQp, isWeighted, isWeightedBi, hasListModification };
}

function skipTiles(bits: BitReader): void {
  // Most tile columns and rows in level 6.2, H.265 table A.8.
  const columns = bits.ueUpTo(20 - 1, 'num_tile_columns_minus1') + 1;
  const rows = bits.ueUpTo(22 - 1, 'num_tile_rows_minus1') + 1;
  if (!bits.flag()) {
    for (let i = 2; i < columns + rows; i += 1) {
      bits.ue(); // column_width_minus1, row_height_minus1
    }
  }
  bits.skip(1); // loop_filter_across_tiles_enabled_flag
}

/** vps_video_parameter_set_id, H.265 §7.3.2.1. */
export function parseH265VpsId(nal: Uint8Array): number {
  return readerOf(nal, VPS_NAL, 'VPS').bits(4);
}

/** The track that these parameter sets describe. @throws PerchError if the SPS is invalid */
export function h265Track(vps: Uint8Array, sps: Uint8Array, pps: readonly Uint8Array[]): H265Track {
  const { width, height, fps } = parseH265Sps(sps);
  return { kind: 'video', codec: 'h265', clockRate: 90_000, width, height, fps, vps, sps, pps };
}

function readerOf(nal: Uint8Array, type: number, name: string): BitReader {
  if (nal.length < 3 || (nal[0] as number) >> 1 !== type) {
    throw new PerchError('badInput', `NAL unit of ${nal.length} bytes is not an H.265 ${name}`);
  }
  return new BitReader(nal, 2, nal.length, true);
}

function parseSize(bits: BitReader, chromaArrayType: number) {
  let width = bits.ueUpTo(MAX_SIDE_PIXELS, 'pic_width_in_luma_samples');
  let height = bits.ueUpTo(MAX_SIDE_PIXELS, 'pic_height_in_luma_samples');
  const coded = { width, height };
  if (bits.flag()) {
    // In units of chroma samples, H.265 table 6-1.
    const unitX = chromaArrayType === 1 || chromaArrayType === 2 ? 2 : 1;
    const unitY = chromaArrayType === 1 ? 2 : 1;
    width -= unitX * (bits.ue() + bits.ue());
    height -= unitY * (bits.ue() + bits.ue());
  }
  if (width <= 0 || height <= 0) {
    throw new PerchError('badInput', `SPS has a picture of ${width} x ${height} pixels, at least 1 x 1 allowed`);
  }
  return { width, height, coded };
}

/** sps_max_num_reorder_pics of the highest sub-layer. */
function parseReorder(bits: BitReader, maxSubLayersMinus1: number): number {
  const isForEach = bits.flag();
  let maxReorderFrames = 0;
  for (let layer = isForEach ? 0 : maxSubLayersMinus1; layer <= maxSubLayersMinus1; layer += 1) {
    bits.ueUpTo(16, 'sps_max_dec_pic_buffering_minus1');
    maxReorderFrames = bits.ueUpTo(16, 'sps_max_num_reorder_pics');
    bits.ue(); // sps_max_latency_increase_plus1
  }
  return maxReorderFrames;
}

/** profile_tier_level() for the whole stream, H.265 §7.3.3: repeated by hvcC and the codecs parameter. */
interface H265Profile {
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

function parseProfile(bits: BitReader, maxSubLayersMinus1: number): H265Profile {
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
