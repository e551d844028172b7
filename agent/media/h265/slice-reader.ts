import { PerchError } from '../../base/errors.ts';
import { BitReader } from '../payload/bit-reader.ts';
import { SLICE_TYPE, type SliceReader, type SliceType } from '../payload/slice-reader.ts';
import type { H265Track } from '../sample/track.ts';
import { type H265Pps, type H265PpsSlices, type H265Sps, parseH265Pps, parseH265Sps } from './params.ts';
import { indexBits, parseSliceSet } from './reference-sets.ts';
import type { SliceSyntax } from './vui.ts';

const RASL_R = 9;
const BLA_W_LP = 16;
const IDR_W_RADL = 19;
const IDR_N_LP = 20;
const CRA = 21;
const RSV_IRAP_23 = 23;
/** slice_type: B, P, I (H.265 table 7-7). */
const TYPES: readonly SliceType[] = [SLICE_TYPE.b, SLICE_TYPE.p, SLICE_TYPE.i];
const MAX_LIST_ENTRIES = 15;
const MAX_LONG_TERM_PICTURES = 33;

const NAL_HEADER_BYTES = 2;

/** Slice segment headers, H.265 §7.3.6.1, up to slice_qp_delta. A dependent segment keeps the fields of its slice. */
export class H265SliceReader implements SliceReader {
  type: SliceType = SLICE_TYPE.i;
  qp = 0;
  firstUnit = 0;
  isReference = false;
  readonly #sps: H265Sps;
  readonly #pps: readonly H265Pps[];
  readonly #bits = new BitReader(new Uint8Array(0), 0, 0, true);
  /** NumPicTotalCurr: pictures that this one may refer to. */
  #references = 0;

  /** @throws PerchError if a parameter set of the track is invalid */
  constructor(track: H265Track) {
    this.#sps = parseH265Sps(track.sps);
    this.#pps = track.pps.map(parseH265Pps);
  }

  read(data: Uint8Array, start: number, end: number): boolean {
    const header = ((data[start] ?? 0) << 8) | (data[start + 1] ?? 0);
    const nalType = (header >> 9) & 0x3f;
    const layer = (header >> 3) & 0x3f;
    if (layer !== 0 || nalType > CRA || (nalType > RASL_R && nalType < BLA_W_LP)) {
      return false;
    }
    this.#bits.reset(data, start + NAL_HEADER_BYTES, end);
    // Even types below 16 are sub-layer non-reference pictures.
    this.isReference = nalType >= BLA_W_LP || nalType % 2 === 1;
    return isReadable(() => this.#readHeader(nalType));
  }

  #readHeader(nalType: number): boolean {
    const bits = this.#bits;
    const isFirst = bits.flag();
    if (nalType >= BLA_W_LP && nalType <= RSV_IRAP_23) {
      bits.skip(1); // no_output_of_prior_pics_flag
    }
    const pps = this.#ppsOf(bits.ueUpTo(63, 'slice_pic_parameter_set_id'));
    const fromSps = this.#sps.slices;
    const fromPps = pps?.slices;
    if (!pps || !fromSps || !fromPps) {
      return false;
    }
    const isDependent = !isFirst && pps.hasDependentSlices && bits.flag();
    this.firstUnit = isFirst ? 0 : bits.bits(indexBits(this.#sps.treeUnits));
    if (isDependent) {
      return true;
    }
    bits.skip(pps.extraSliceHeaderBits);
    this.type = TYPES[bits.ueUpTo(2, 'slice_type')] ?? SLICE_TYPE.i;
    bits.skip((pps.hasOutputFlag ? 1 : 0) + (this.#sps.hasSeparatePlanes ? 2 : 0));
    this.#references = 0;
    const hasReferences = nalType !== IDR_W_RADL && nalType !== IDR_N_LP;
    const hasTemporalVectors = hasReferences && this.#readReferenceSets(fromSps);
    bits.skip(fromSps.hasAdaptiveOffset ? (this.#hasChroma ? 2 : 1) : 0);
    if (this.type !== SLICE_TYPE.i) {
      this.#skipReferenceLists(fromPps, hasTemporalVectors);
    }
    this.qp = fromPps.initQp + bits.se();
    return true;
  }

  get #hasChroma(): boolean {
    return this.#sps.chromaFormatIdc !== 0 && !this.#sps.hasSeparatePlanes;
  }

  #ppsOf(id: number): H265Pps | undefined {
    for (const pps of this.#pps) {
      if (pps.id === id) {
        return pps;
      }
    }
    return undefined;
  }

  /** From slice_pic_order_cnt_lsb on. @returns slice_temporal_mvp_enabled_flag */
  #readReferenceSets(fromSps: SliceSyntax): boolean {
    const bits = this.#bits;
    bits.skip(this.#sps.pocLsbBits);
    for (const { isUsed } of parseSliceSet(bits, fromSps.shortTermSets)) {
      this.#references += isUsed ? 1 : 0;
    }
    if (fromSps.longTermPictures) {
      this.#skipLongTerm(fromSps.longTermPictures);
    }
    return fromSps.hasTemporalMotionVectors && bits.flag();
  }

  #skipLongTerm(inSps: NonNullable<SliceSyntax['longTermPictures']>): void {
    const bits = this.#bits;
    const chosen = inSps.length > 0 ? bits.ueUpTo(MAX_LONG_TERM_PICTURES, 'num_long_term_sps') : 0;
    const count = chosen + bits.ueUpTo(MAX_LONG_TERM_PICTURES, 'num_long_term_pics');
    for (let i = 0; i < count; i += 1) {
      const known = i < chosen ? inSps[bits.bits(indexBits(inSps.length))] : undefined;
      bits.skip(known ? 0 : this.#sps.pocLsbBits);
      this.#references += (known?.isUsed ?? bits.flag()) ? 1 : 0;
      if (bits.flag()) {
        bits.ue(); // delta_poc_msb_cycle_lt
      }
    }
  }

  /** From num_ref_idx_active_override_flag up to five_minus_max_num_merge_cand. */
  #skipReferenceLists(pps: H265PpsSlices, hasTemporalVectors: boolean): void {
    const bits = this.#bits;
    const isB = this.type === SLICE_TYPE.b;
    let [list0, list1] = pps.listEntries;
    if (bits.flag()) {
      list0 = bits.ueUpTo(MAX_LIST_ENTRIES - 1, 'num_ref_idx_l0_active_minus1') + 1;
      list1 = isB ? bits.ueUpTo(MAX_LIST_ENTRIES - 1, 'num_ref_idx_l1_active_minus1') + 1 : list1;
    }
    list1 = isB ? list1 : 0;
    if (pps.hasListModification && this.#references > 1) {
      this.#skipModification(list0);
      this.#skipModification(list1);
    }
    bits.skip((isB ? 1 : 0) + (pps.hasCabacInitFlag ? 1 : 0)); // mvd_l1_zero_flag, cabac_init_flag
    if (hasTemporalVectors) {
      const isOfList0 = !isB || bits.flag();
      if ((isOfList0 ? list0 : list1) > 1) {
        bits.ue(); // collocated_ref_idx
      }
    }
    if (isB ? pps.isWeightedBi : pps.isWeighted) {
      this.#skipWeights(list0, list1);
    }
    bits.ue(); // five_minus_max_num_merge_cand
  }

  #skipModification(entries: number): void {
    if (entries > 0 && this.#bits.flag()) {
      this.#bits.skip(entries * indexBits(this.#references));
    }
  }

  /** pred_weight_table, H.265 §7.3.6.3. */
  #skipWeights(list0: number, list1: number): void {
    const bits = this.#bits;
    bits.ue(); // luma_log2_weight_denom
    if (this.#hasChroma) {
      bits.se(); // delta_chroma_log2_weight_denom
    }
    for (let list = 0, count = list0; list < 2; list += 1, count = list1) {
      const luma = bits.bits(count);
      const chroma = this.#hasChroma ? bits.bits(count) : 0;
      // Two values for each luma flag, four for each chroma flag.
      for (let values = 2 * ones(luma) + 4 * ones(chroma); values > 0; values -= 1) {
        bits.se();
      }
    }
  }
}

/** Runs a parser of damaged bits. */
function isReadable(parse: () => boolean): boolean {
  try {
    return parse();
  } catch (error) {
    if (error instanceof PerchError) {
      return false;
    }
    throw error;
  }
}

function ones(flags: number): number {
  let count = 0;
  for (let left = flags; left !== 0; left &= left - 1) {
    count += 1;
  }
  return count;
}
