import { PerchError } from '../../base/errors.ts';
import { BitReader } from '../payload/bit-reader.ts';
import { SLICE_TYPE, type SliceReader, type SliceType } from '../payload/slice-reader.ts';
import type { H265Track } from '../sample/track.ts';
import { type H265Pps, type H265PpsSlices, type H265Sps, parseH265Pps, parseH265Sps } from './params.ts';
import { indexBits, parseSliceSet, type ShortTermSet } from './reference-sets.ts';
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

const MAX_ENTRY_POINTS = 65_535;
const NAL_HEADER_BYTES = 2;

/** Slice segment headers, H.265 §7.3.6.1, up to slice_qp_delta. A dependent segment keeps the fields of its slice. */
export class H265SliceReader implements SliceReader {
  type: SliceType = SLICE_TYPE.i;
  qp = 0;
  firstUnit = 0;
  isReference = false;
  nalType = 0;
  temporalId = 0;
  isDependent = false;
  pps: H265Pps | undefined;
  pocLsb = 0;
  shortTerm: ShortTermSet = [];
  longTermCount = 0;
  /** slice_pic_order_cnt_lsb of each long-term picture, and with `longTermHasMsb` what is subtracted from the other bits. */
  readonly longTermLsbs = new Int32Array(2 * MAX_LONG_TERM_PICTURES);
  readonly longTermCycles = new Int32Array(2 * MAX_LONG_TERM_PICTURES);
  readonly longTermHasMsb = new Uint8Array(2 * MAX_LONG_TERM_PICTURES);
  readonly longTermIsUsed = new Uint8Array(2 * MAX_LONG_TERM_PICTURES);
  hasTemporalVectors = false;
  hasLumaOffset = false;
  hasChromaOffset = false;
  /** Entries of the reference lists. */
  readonly counts = new Uint8Array(2);
  /** list_entry_l0 and list_entry_l1, where a list is modified. */
  readonly isModified = new Uint8Array(2);
  readonly modifications = new Uint8Array(2 * (MAX_LIST_ENTRIES + 1));
  hasZeroDifferences = false;
  cabacInitFlag = false;
  collocatedList = 0;
  collocatedIndex = 0;
  maxMergeCandidates = 0;
  readonly #sps: H265Sps;
  readonly #pps: readonly H265Pps[];
  readonly #bits = new BitReader(new Uint8Array(0), 0, 0, true);
  #start = 0;
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
    this.#start = start + NAL_HEADER_BYTES;
    this.#bits.reset(data, this.#start, end);
    this.nalType = nalType;
    this.temporalId = (header & 7) - 1;
    // Even types below 16 are sub-layer non-reference pictures.
    this.isReference = nalType >= BLA_W_LP || nalType % 2 === 1;
    return isReadable(() => this.#readHeader(nalType));
  }

  /**
   * Reads the rest of the header that `read` has begun.
   * @returns where the slice segment data begins in the bytes of `read`; -1: the header is damaged
   */
  readRest(): number {
    const pps = this.pps?.slices;
    if (!pps || !isReadable(() => this.#readRest(pps))) {
      return -1;
    }
    return this.#start + Math.ceil(this.#bits.positionBits / 8);
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
    this.pps = pps;
    this.isDependent = !isFirst && pps.hasDependentSlices && bits.flag();
    this.firstUnit = isFirst ? 0 : bits.bits(indexBits(this.#sps.treeUnits));
    if (this.isDependent) {
      return true;
    }
    bits.skip(pps.extraSliceHeaderBits);
    this.type = TYPES[bits.ueUpTo(2, 'slice_type')] ?? SLICE_TYPE.i;
    bits.skip((pps.hasOutputFlag ? 1 : 0) + (this.#sps.hasSeparatePlanes ? 2 : 0));
    this.pocLsb = 0;
    this.shortTerm = [];
    this.longTermCount = 0;
    this.#references = 0;
    const hasReferences = nalType !== IDR_W_RADL && nalType !== IDR_N_LP;
    this.hasTemporalVectors = hasReferences && this.#readReferenceSets(fromSps);
    this.hasLumaOffset = fromSps.hasAdaptiveOffset && bits.flag();
    this.hasChromaOffset = fromSps.hasAdaptiveOffset && this.#hasChroma && bits.flag();
    if (this.type !== SLICE_TYPE.i) {
      this.#readReferenceLists(fromPps);
    }
    this.qp = fromPps.initQp + bits.se();
    return true;
  }

  /** Reads the header after slice_qp_delta. */
  #readRest(pps: H265PpsSlices): boolean {
    const bits = this.#bits;
    if (!this.isDependent) {
      this.#skipFilters(pps);
    }
    if (pps.tiles || pps.hasSubstreams) {
      const points = bits.ueUpTo(MAX_ENTRY_POINTS, 'num_entry_point_offsets');
      const pointBits = points > 0 ? bits.ueUpTo(31, 'offset_len_minus1') + 1 : 0;
      bits.skip(points * pointBits);
    }
    if (pps.hasHeaderExtension) {
      bits.skip(8 * bits.ueUpTo(256, 'slice_segment_header_extension_length'));
    }
    // byte_alignment()
    return bits.flag();
  }

  #skipFilters(pps: H265PpsSlices): void {
    const bits = this.#bits;
    if (pps.hasChromaOffsets) {
      bits.se(); // slice_cb_qp_offset
      bits.se(); // slice_cr_qp_offset
    }
    let isDeblockingOff = pps.isDeblockingOff;
    if (pps.mayOverrideDeblocking && bits.flag()) {
      isDeblockingOff = bits.flag();
      if (!isDeblockingOff) {
        bits.se(); // slice_beta_offset_div2
        bits.se(); // slice_tc_offset_div2
      }
    }
    if (pps.filtersAcrossSlices && (this.hasLumaOffset || this.hasChromaOffset || !isDeblockingOff)) {
      bits.skip(1); // slice_loop_filter_across_slices_enabled_flag
    }
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
    this.pocLsb = bits.bits(this.#sps.pocLsbBits);
    this.shortTerm = parseSliceSet(bits, fromSps.shortTermSets);
    for (const { isUsed } of this.shortTerm) {
      this.#references += isUsed ? 1 : 0;
    }
    if (fromSps.longTermPictures) {
      this.#readLongTerm(fromSps.longTermPictures);
    }
    return fromSps.hasTemporalMotionVectors && bits.flag();
  }

  #readLongTerm(inSps: NonNullable<SliceSyntax['longTermPictures']>): void {
    const bits = this.#bits;
    const chosen = inSps.length > 0 ? bits.ueUpTo(MAX_LONG_TERM_PICTURES, 'num_long_term_sps') : 0;
    const count = chosen + bits.ueUpTo(MAX_LONG_TERM_PICTURES, 'num_long_term_pics');
    this.longTermCount = count;
    for (let i = 0, cycles = 0; i < count; i += 1) {
      const known = i < chosen ? inSps[bits.bits(indexBits(inSps.length))] : undefined;
      this.longTermLsbs[i] = known?.pocLsb ?? bits.bits(this.#sps.pocLsbBits);
      const isUsed = known?.isUsed ?? bits.flag();
      this.longTermIsUsed[i] = isUsed ? 1 : 0;
      this.#references += isUsed ? 1 : 0;
      const hasMsb = bits.flag();
      this.longTermHasMsb[i] = hasMsb ? 1 : 0;
      // Equation 7-52: within those of the SPS and of the slice header, each delta adds to the previous one.
      cycles = (i === 0 || i === chosen ? 0 : cycles) + (hasMsb ? bits.ue() : 0);
      this.longTermCycles[i] = cycles;
    }
  }

  /** From num_ref_idx_active_override_flag up to five_minus_max_num_merge_cand. */
  #readReferenceLists(pps: H265PpsSlices): void {
    const bits = this.#bits;
    const isB = this.type === SLICE_TYPE.b;
    let [list0, list1] = pps.listEntries;
    if (bits.flag()) {
      list0 = bits.ueUpTo(MAX_LIST_ENTRIES - 1, 'num_ref_idx_l0_active_minus1') + 1;
      list1 = isB ? bits.ueUpTo(MAX_LIST_ENTRIES - 1, 'num_ref_idx_l1_active_minus1') + 1 : list1;
    }
    this.counts[0] = list0;
    this.counts[1] = isB ? list1 : 0;
    this.isModified.fill(0);
    if (pps.hasListModification && this.#references > 1) {
      this.#readModification(0);
      this.#readModification(1);
    }
    this.hasZeroDifferences = isB && bits.flag();
    this.cabacInitFlag = pps.hasCabacInitFlag && bits.flag();
    this.collocatedList = 0;
    this.collocatedIndex = 0;
    if (this.hasTemporalVectors) {
      this.collocatedList = !isB || bits.flag() ? 0 : 1;
      const count = this.counts[this.collocatedList] as number;
      this.collocatedIndex = count > 1 ? bits.ueUpTo(count - 1, 'collocated_ref_idx') : 0;
    }
    if (isB ? pps.isWeightedBi : pps.isWeighted) {
      this.#skipWeights(list0, isB ? list1 : 0);
    }
    this.maxMergeCandidates = 5 - bits.ueUpTo(4, 'five_minus_max_num_merge_cand');
  }

  #readModification(list: 0 | 1): void {
    const bits = this.#bits;
    const count = this.counts[list] as number;
    if (count === 0 || !bits.flag()) {
      return;
    }
    this.isModified[list] = 1;
    const entryBits = indexBits(this.#references);
    for (let i = 0; i < count; i += 1) {
      this.modifications[list * (MAX_LIST_ENTRIES + 1) + i] = bits.bits(entryBits);
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
