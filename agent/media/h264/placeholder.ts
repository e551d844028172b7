import { aggregate } from '../payload/nal-packetizer.ts';
import { escapeNal, RbspWriter } from '../payload/rbsp-writer.ts';
import type { H264Track } from '../sample/track.ts';
import { parseH264Pps, parseH264Sps } from './params.ts';

const STAP_A_HEADER = 0x78;
const PPS_HEADER = 0x68;
/** nal_ref_idc 0: not a reference. */
const SLICE_HEADER = 0x01;
const END_OF_SEQUENCE = 0x0a;
/** slice_type: all slices of the picture are P, so that no decoder starts at it. */
const P_SLICES = 5;
const CAPACITY_BYTES = 64;

/**
 * An access unit that a parser counts as a picture and a decoder drops, as one RTP payload (STAP-A, RFC 6184 §5.7.1): the header of a
 * redundant coded picture, which decoders ignore (H.264 §7.4.3 redundant_pic_cnt), and an end of sequence, after which a decoder waits
 * for an IDR picture. It needs its own PPS, because those of the stream do not allow redundant pictures.
 * @returns undefined when no PPS id is free
 */
export function h264Placeholder(track: H264Track): Uint8Array | undefined {
  const taken = track.pps.map((pps) => parseH264Pps(pps).id);
  let ppsId = 255;
  while (taken.includes(ppsId)) {
    ppsId -= 1;
  }
  if (ppsId < 0) {
    return undefined;
  }
  const writer = new RbspWriter(CAPACITY_BYTES);
  const sps = parseH264Sps(track.sps);
  const pps = escapeNal([PPS_HEADER], writePps(writer, ppsId, sps.id));
  const slice = escapeNal([SLICE_HEADER], writeSlice(writer, ppsId, sps));
  return aggregate([STAP_A_HEADER], [pps, slice, Uint8Array.of(END_OF_SEQUENCE)]);
}

/** pic_parameter_set_rbsp(), H.264 §7.3.2.2. */
function writePps(writer: RbspWriter, id: number, spsId: number): Uint8Array {
  writer.reset();
  writer.unsigned(id);
  writer.unsigned(spsId);
  writer.bits(0, 2); // CAVLC, no further picture order count in slices
  writer.unsigned(0); // one slice group
  writer.unsigned(0); // num_ref_idx_l0_default_active_minus1
  writer.unsigned(0); // num_ref_idx_l1_default_active_minus1
  writer.bits(0, 3); // no weighted prediction
  writer.signed(0); // pic_init_qp_minus26
  writer.signed(0); // pic_init_qs_minus26
  writer.signed(0); // chroma_qp_index_offset
  writer.bits(0, 2); // deblocking_filter_control_present_flag, constrained_intra_pred_flag
  writer.bits(1, 1); // redundant_pic_cnt_present_flag
  return writer.finish();
}

/** slice_header(), H.264 §7.3.3. */
function writeSlice(writer: RbspWriter, ppsId: number, sps: ReturnType<typeof parseH264Sps>): Uint8Array {
  writer.reset();
  writer.unsigned(0); // first_mb_in_slice
  writer.unsigned(P_SLICES);
  writer.unsigned(ppsId);
  if (sps.hasSeparatePlanes) {
    writer.bits(0, 2); // colour_plane_id
  }
  writer.bits(0, sps.frameNumBits);
  if (!sps.isFrameOnly) {
    writer.bits(0, 1); // field_pic_flag
  }
  if (sps.pocType === 0) {
    writer.bits(0, sps.pocLsbBits);
  } else if (sps.hasPocDelta) {
    writer.signed(0); // delta_pic_order_cnt[0]
  }
  writer.unsigned(1); // redundant_pic_cnt
  writer.bits(0, 2); // num_ref_idx_active_override_flag, ref_pic_list_modification_flag_l0
  writer.signed(0); // slice_qp_delta
  return writer.finish();
}
