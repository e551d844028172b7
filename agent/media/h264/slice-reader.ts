import { PerchError } from '../../base/errors.ts';
import { BitReader } from '../payload/bit-reader.ts';
import { SLICE_TYPE, type SliceReader, type SliceType } from '../payload/slice-reader.ts';
import type { H264Track } from '../sample/track.ts';
import { type H264Pps, type H264SliceSyntax, type H264Sps, parseH264Pps, parseH264Sps } from './params.ts';

const NON_IDR = 1;
const PARTITION_A = 2;
const IDR = 5;
/** slice_type modulo 5: P, B, I, SP, SI (H.264 table 7-6). */
const TYPES: readonly SliceType[] = [SLICE_TYPE.p, SLICE_TYPE.b, SLICE_TYPE.i, SLICE_TYPE.p, SLICE_TYPE.i];
const MAX_LIST_ENTRIES = 32;
const MAX_MARKING_OPERATIONS = 66;
/** Numbers after each memory_management_control_operation, from 0 on. */
const MARKING_NUMBERS = [0, 1, 1, 2, 1, 0, 1];

/** modification_of_pic_nums_idc that ends the modifications of a list. */
const MODIFICATION_END = 3;

/** Slice headers, H.264 §7.3.3. */
export class H264SliceReader implements SliceReader {
  type: SliceType = SLICE_TYPE.i;
  qp = 0;
  firstUnit = 0;
  isReference = false;
  readonly #sps: H264Sps;
  readonly #pps: readonly H264Pps[];
  readonly #bits = new BitReader(new Uint8Array(0), 0, 0, true);

  /** @throws PerchError if a parameter set of the track is invalid */
  constructor(track: H264Track) {
    this.#sps = parseH264Sps(track.sps);
    this.#pps = track.pps.map(parseH264Pps);
  }

  read(data: Uint8Array, start: number, end: number): boolean {
    const header = data[start] ?? 0;
    const nalType = header & 0x1f;
    if (nalType !== NON_IDR && nalType !== PARTITION_A && nalType !== IDR) {
      return false;
    }
    this.#bits.reset(data, start + 1, end);
    this.isReference = (header & 0x60) !== 0;
    try {
      return this.#readHeader(nalType === IDR);
    } catch (error) {
      if (error instanceof PerchError) {
        return false;
      }
      throw error;
    }
  }

  #readHeader(isIdr: boolean): boolean {
    const bits = this.#bits;
    this.firstUnit = bits.ue();
    this.type = TYPES[bits.ueUpTo(9, 'slice_type') % 5] ?? SLICE_TYPE.i;
    const slices = this.#syntaxOf(bits.ueUpTo(255, 'pic_parameter_set_id'));
    if (!slices) {
      return false;
    }
    this.#skipPictureNumbers(slices, isIdr);
    bits.skip(this.type === SLICE_TYPE.b ? 1 : 0); // direct_spatial_mv_pred_flag
    if (this.type !== SLICE_TYPE.i) {
      this.#skipReferenceLists(slices);
    }
    if (this.isReference) {
      this.#skipMarking(isIdr);
    }
    if (slices.isCabac && this.type !== SLICE_TYPE.i) {
      bits.ue(); // cabac_init_idc
    }
    this.qp = slices.initQp + bits.se();
    return true;
  }

  #syntaxOf(id: number): H264SliceSyntax | undefined {
    for (const pps of this.#pps) {
      if (pps.id === id) {
        return pps.slices;
      }
    }
    return undefined;
  }

  /** From colour_plane_id up to redundant_pic_cnt. */
  #skipPictureNumbers(slices: H264SliceSyntax, isIdr: boolean): void {
    const bits = this.#bits;
    const sps = this.#sps;
    bits.skip((sps.hasSeparatePlanes ? 2 : 0) + sps.frameNumBits);
    const isField = !sps.isFrameOnly && bits.flag();
    bits.skip(isField ? 1 : 0); // bottom_field_flag
    if (isIdr) {
      bits.ue(); // idr_pic_id
    }
    bits.skip(sps.pocLsbBits);
    const hasFieldDelta = slices.hasFieldPocDelta && !isField;
    if (sps.pocType === 0 && hasFieldDelta) {
      bits.se(); // delta_pic_order_cnt_bottom
    }
    if (sps.hasPocDelta) {
      bits.se(); // delta_pic_order_cnt[0]
      if (hasFieldDelta) {
        bits.se(); // delta_pic_order_cnt[1]
      }
    }
    if (slices.hasRedundantPictures) {
      bits.ue(); // redundant_pic_cnt
    }
  }

  /** Lengths, modification and weights of the reference lists, H.264 §7.3.3.1 and §7.3.3.2. */
  #skipReferenceLists(slices: H264SliceSyntax): void {
    const bits = this.#bits;
    const isB = this.type === SLICE_TYPE.b;
    let [list0, list1] = slices.listEntries;
    if (bits.flag()) {
      list0 = bits.ueUpTo(MAX_LIST_ENTRIES - 1, 'num_ref_idx_l0_active_minus1') + 1;
      list1 = isB ? bits.ueUpTo(MAX_LIST_ENTRIES - 1, 'num_ref_idx_l1_active_minus1') + 1 : list1;
    }
    for (let list = 0; list < (isB ? 2 : 1); list += 1) {
      let isEnd = !bits.flag();
      for (let count = 0; !isEnd && count <= MAX_LIST_ENTRIES; count += 1) {
        isEnd = bits.ueUpTo(5, 'modification_of_pic_nums_idc') === MODIFICATION_END;
        if (!isEnd) {
          bits.ue();
        }
      }
    }
    if (isB ? slices.weightedBipredIdc === 1 : slices.isWeighted) {
      this.#skipWeights(list0, isB ? list1 : 0);
    }
  }

  #skipWeights(list0: number, list1: number): void {
    const bits = this.#bits;
    const hasChroma = this.#sps.chromaFormatIdc !== 0 && !this.#sps.hasSeparatePlanes;
    bits.ue(); // luma_log2_weight_denom
    if (hasChroma) {
      bits.ue(); // chroma_log2_weight_denom
    }
    for (let i = 0; i < list0 + list1; i += 1) {
      const luma = bits.flag() ? 2 : 0;
      for (let k = 0; k < luma; k += 1) {
        bits.se();
      }
      const chroma = hasChroma && bits.flag() ? 4 : 0;
      for (let k = 0; k < chroma; k += 1) {
        bits.se();
      }
    }
  }

  /** dec_ref_pic_marking, H.264 §7.3.3.3. */
  #skipMarking(isIdr: boolean): void {
    const bits = this.#bits;
    if (isIdr) {
      bits.skip(2); // no_output_of_prior_pics_flag, long_term_reference_flag
      return;
    }
    let operation = bits.flag() ? -1 : 0;
    for (let count = 0; operation !== 0; count += 1) {
      if (count > MAX_MARKING_OPERATIONS) {
        throw new PerchError('badInput', `slice header has more than ${MAX_MARKING_OPERATIONS} marking operations`);
      }
      operation = bits.ueUpTo(6, 'memory_management_control_operation');
      for (let numbers = MARKING_NUMBERS[operation] ?? 0; numbers > 0; numbers -= 1) {
        bits.ue();
      }
    }
  }
}
