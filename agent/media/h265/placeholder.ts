import { aggregate } from '../payload/nal-packetizer.ts';
import { escapeNal, RbspWriter } from '../payload/rbsp-writer.ts';
import type { H265Track } from '../sample/track.ts';
import { type H265Sps, parseH265Pps, parseH265Sps } from './params.ts';
import type { SliceSyntax } from './vui.ts';

const AGGREGATION_PACKET = 48;
const PPS = 34;
/** A leading picture that decoders skip if they start at its key picture, H.265 §8.1.3 and §8.3.3; not a reference. */
const RASL_N = 8;
const I_SLICE = 2;
const CAPACITY_BYTES = 64;

/** nal_unit_header(), H.265 §7.3.1.2: layer 0, lowest temporal id. */
const headerOf = (type: number): readonly number[] => [type << 1, 1];

/**
 * An access unit that a parser counts as a picture and a decoder drops, as one RTP payload (aggregation packet, RFC 7798 §4.4.2): the
 * header of a skipped leading picture. Its own PPS keeps the slice header short.
 * @returns undefined when no PPS id is free, or the SPS does not define the slice header
 */
export function h265Placeholder(track: H265Track): Uint8Array | undefined {
  const taken = track.pps.map((pps) => parseH265Pps(pps).id);
  let ppsId = 63;
  while (taken.includes(ppsId)) {
    ppsId -= 1;
  }
  const sps = parseH265Sps(track.sps);
  if (ppsId < 0 || !sps.slices) {
    return undefined;
  }
  const writer = new RbspWriter(CAPACITY_BYTES);
  const pps = escapeNal(headerOf(PPS), writePps(writer, ppsId, sps.id));
  const slice = escapeNal(headerOf(RASL_N), writeSlice(writer, ppsId, sps, sps.slices));
  return aggregate(headerOf(AGGREGATION_PACKET), [pps, slice]);
}

/** pic_parameter_set_rbsp(), H.265 §7.3.2.3.1. */
function writePps(writer: RbspWriter, id: number, spsId: number): Uint8Array {
  writer.reset();
  writer.unsigned(id);
  writer.unsigned(spsId);
  writer.bits(0, 7); // no dependent slices, no output flag, no extra bits in slice headers, no hiding of signs, no cabac_init_flag
  writer.unsigned(0); // num_ref_idx_l0_default_active_minus1
  writer.unsigned(0); // num_ref_idx_l1_default_active_minus1
  writer.signed(0); // init_qp_minus26
  writer.bits(0, 3); // constrained intra prediction, transform skip, quantiser changes
  writer.signed(0); // pps_cb_qp_offset
  writer.signed(0); // pps_cr_qp_offset
  writer.bits(0, 10); // from slice chroma offsets to lists_modification_present_flag: none of them
  writer.unsigned(0); // log2_parallel_merge_level_minus2
  writer.bits(0, 2); // no header extension, no PPS extension
  return writer.finish();
}

/** slice_segment_header(), H.265 §7.3.6.1, with byte_alignment(). */
function writeSlice(writer: RbspWriter, ppsId: number, sps: H265Sps, slices: SliceSyntax): Uint8Array {
  writer.reset();
  writer.bits(1, 1); // first_slice_segment_in_pic_flag
  writer.unsigned(ppsId);
  writer.unsigned(I_SLICE);
  if (sps.hasSeparatePlanes) {
    writer.bits(0, 2); // colour_plane_id
  }
  writer.bits(0, sps.pocLsbBits);
  writer.bits(0, slices.shortTermSets.length > 0 ? 2 : 1); // a reference picture set of its own, not predicted from another
  writer.unsigned(0); // num_negative_pics
  writer.unsigned(0); // num_positive_pics
  if (slices.longTermPictures !== undefined) {
    if (slices.longTermPictures.length > 0) {
      writer.unsigned(0); // num_long_term_sps
    }
    writer.unsigned(0); // num_long_term_pics
  }
  if (slices.hasTemporalMotionVectors) {
    writer.bits(0, 1); // slice_temporal_mvp_enabled_flag
  }
  if (slices.hasAdaptiveOffset) {
    const hasChroma = sps.chromaFormatIdc !== 0 && !sps.hasSeparatePlanes;
    writer.bits(0, hasChroma ? 2 : 1); // slice_sao_luma_flag, slice_sao_chroma_flag
  }
  writer.signed(0); // slice_qp_delta
  return writer.finish();
}
