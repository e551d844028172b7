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

/** modification_of_pic_nums_idc that ends the modifications of a list. */
const MODIFICATION_END = 3;

/** Slice headers, H.264 §7.3.3. */
export class H264SliceReader implements SliceReader {
  type: SliceType = SLICE_TYPE.i;
  qp = 0;
  firstUnit = 0;
  isReference = false;
  isIdr = false;
  isField = false;
  frameNum = 0;
  /** pic_order_cnt_lsb. */
  pocLsb = 0;
  /** delta_pic_order_cnt_bottom if it is negative (the bottom field is before the top field), else 0. */
  pocDelta = 0;
  /** direct_spatial_mv_pred_flag. */
  isDirectSpatial = false;
  /** num_ref_idx_active of list 0 and list 1. */
  readonly listEntries = [0, 0];
  /** modification_of_pic_nums_idc and its number, for each list; the last one is `MODIFICATION_END`. */
  readonly modifications = [new Float64Array(2 * MAX_LIST_ENTRIES + 4), new Float64Array(2 * MAX_LIST_ENTRIES + 4)];
  /** memory_management_control_operation and its two numbers; the last operation is 0. */
  readonly markings = new Float64Array(3 * MAX_MARKING_OPERATIONS + 3);
  /** long_term_reference_flag of an IDR picture. */
  isLongTerm = false;
  /** adaptive_ref_pic_marking_mode_flag. */
  hasMarkings = false;
  cabacInit = 0;
  /** Fields of its picture parameter set; undefined: they are not known. */
  syntax: H264SliceSyntax | undefined;
  readonly sps: H264Sps;
  readonly #pps: readonly H264Pps[];
  readonly #bits = new BitReader(new Uint8Array(0), 0, 0, true);

  /** @throws PerchError if a parameter set of the track is invalid */
  constructor(track: H264Track) {
    this.sps = parseH264Sps(track.sps);
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
    this.isIdr = nalType === IDR;
    try {
      return this.#readHeader();
    } catch (error) {
      if (error instanceof PerchError) {
        return false;
      }
      throw error;
    }
  }

  /** After `read`: skips the rest of the header. @returns bits of the whole header, with emulation prevention bytes */
  skipDeblocking(): number {
    const bits = this.#bits;
    // disable_deblocking_filter_idc
    if (this.syntax?.hasDeblocking && bits.ue() !== 1) {
      bits.se(); // slice_alpha_c0_offset_div2
      bits.se(); // slice_beta_offset_div2
    }
    return bits.positionBits;
  }

  #readHeader(): boolean {
    const bits = this.#bits;
    this.firstUnit = bits.ue();
    this.type = TYPES[bits.ueUpTo(9, 'slice_type') % 5] ?? SLICE_TYPE.i;
    const slices = this.#syntaxOf(bits.ueUpTo(255, 'pic_parameter_set_id'));
    this.syntax = slices;
    if (!slices) {
      return false;
    }
    this.#readPictureNumbers(slices);
    if (this.type === SLICE_TYPE.b) {
      this.isDirectSpatial = bits.flag();
    }
    if (this.type !== SLICE_TYPE.i) {
      this.#readReferenceLists(slices);
    }
    if (this.isReference) {
      this.#readMarking();
    }
    if (slices.isCabac && this.type !== SLICE_TYPE.i) {
      this.cabacInit = bits.ueUpTo(2, 'cabac_init_idc');
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
  #readPictureNumbers(slices: H264SliceSyntax): void {
    const bits = this.#bits;
    const { sps } = this;
    bits.skip(sps.hasSeparatePlanes ? 2 : 0);
    this.frameNum = bits.bits(sps.frameNumBits);
    const isField = !sps.isFrameOnly && bits.flag();
    this.isField = isField;
    if (isField) {
      bits.skip(1); // bottom_field_flag
    }
    if (this.isIdr) {
      bits.ue(); // idr_pic_id
    }
    this.pocLsb = bits.bits(sps.pocLsbBits);
    this.pocDelta = 0;
    if (sps.pocType === 0 && slices.hasFieldPocDelta && !isField) {
      this.pocDelta = Math.min(bits.se(), 0);
    }
    if (sps.hasPocDelta) {
      bits.se(); // delta_pic_order_cnt[0]
      if (slices.hasFieldPocDelta && !isField) {
        bits.se(); // delta_pic_order_cnt[1]
      }
    }
    if (slices.hasRedundantPictures) {
      bits.ue(); // redundant_pic_cnt
    }
  }

  /** Lengths and modification of the reference lists, H.264 §7.3.3.1; their weights are skipped, §7.3.3.2. */
  #readReferenceLists(slices: H264SliceSyntax): void {
    const bits = this.#bits;
    const isB = this.type === SLICE_TYPE.b;
    let [list0, list1] = slices.listEntries;
    if (bits.flag()) {
      list0 = bits.ueUpTo(MAX_LIST_ENTRIES - 1, 'num_ref_idx_l0_active_minus1') + 1;
      list1 = isB ? bits.ueUpTo(MAX_LIST_ENTRIES - 1, 'num_ref_idx_l1_active_minus1') + 1 : list1;
    }
    this.listEntries[0] = list0;
    this.listEntries[1] = list1;
    for (let list = 0; list < (isB ? 2 : 1); list += 1) {
      const modifications = this.modifications[list] as Float64Array;
      let count = 0;
      for (let isEnd = !bits.flag(); !isEnd && count <= MAX_LIST_ENTRIES; count += 1) {
        const kind = bits.ueUpTo(5, 'modification_of_pic_nums_idc');
        isEnd = kind === MODIFICATION_END;
        modifications[2 * count] = kind;
        modifications[2 * count + 1] = isEnd ? 0 : bits.ue();
      }
      modifications[2 * count] = MODIFICATION_END;
    }
    if (isB ? slices.weightedBipredIdc === 1 : slices.isWeighted) {
      this.#skipWeights(list0, isB ? list1 : 0);
    }
  }

  #skipWeights(list0: number, list1: number): void {
    const bits = this.#bits;
    const hasChroma = this.sps.chromaFormatIdc !== 0 && !this.sps.hasSeparatePlanes;
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
  #readMarking(): void {
    const { markings } = this;
    const bits = this.#bits;
    this.hasMarkings = false;
    if (this.isIdr) {
      bits.skip(1); // no_output_of_prior_pics_flag
      this.isLongTerm = bits.flag();
      return;
    }
    this.hasMarkings = bits.flag();
    for (let at = 0; this.hasMarkings; at += 3) {
      if (at === 3 * MAX_MARKING_OPERATIONS) {
        throw new PerchError('badInput', `slice header has more than ${MAX_MARKING_OPERATIONS} marking operations`);
      }
      const operation = bits.ueUpTo(6, 'memory_management_control_operation');
      markings[at] = operation;
      if (operation === 0) {
        return;
      }
      markings[at + 1] = operation === 5 ? 0 : bits.ue();
      markings[at + 2] = operation === 3 ? bits.ue() : 0;
    }
  }
}
