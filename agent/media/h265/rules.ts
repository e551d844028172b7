import { rethrowUnexpected } from '../../base/errors.ts';
import { BitReader } from '../payload/bit-reader.ts';
import type { PictureOrder } from '../payload/decode-times.ts';
import { hasRecoveryPoint } from '../payload/nal.ts';
import { NAL, type NalKind, type NalRules, type References, SLICE, type SliceStart } from '../payload/nal-rules.ts';
import { ParameterSets } from '../payload/parameter-sets.ts';
import type { H265Track } from '../sample/track.ts';
import { type H265Sps, h265Track, parseH265Pps, parseH265Sps, parseH265VpsId } from './params.ts';
import { PictureBuffer } from './picture-buffer.ts';
import { indexBits, parseSliceSet } from './reference-sets.ts';
import type { SliceSyntax } from './vui.ts';

/** NAL unit types, H.265 table 7-1. */
const RSV_VCL_R15 = 15;
const RADL_N = 6;
const RASL_R = 9;
const BLA_W_LP = 16;
const IDR_W_RADL = 19;
const IDR_N_LP = 20;
const CRA = 21;
const RSV_IRAP_23 = 23;
const VPS = 32;
const SPS = 33;
const PPS = 34;
const AUD = 35;
const PREFIX_SEI = 39;
const SUFFIX_SEI = 40;

/** The fields read from a slice header take about 20 bytes, more only if it names many pictures. */
const SLICE_HEADER_BYTES = 64;
const MAX_LONG_TERM_PICTURES = 33;

/** `header` is the NAL unit header of §7.3.1.2: F (1), type (6), layer (6), temporal id plus 1 (3). */
const typeOf = (header: number): number => (header >> 9) & 0x3f;
const layerOf = (header: number): number => (header >> 3) & 0x3f;
const temporalIdOf = (header: number): number => (header & 7) - 1;

/** H.265 for the assembly of access units: NAL unit types (§7.4.2.2), parameter sets, slice headers (§7.3.6.1). */
export class H265Rules implements NalRules {
  readonly headerBytes = 2;
  readonly namesReferences = true;
  poc: number | undefined;
  startsOrder = false;
  readonly #vps = new ParameterSets(parseVps);
  readonly #sps = new ParameterSets(parseH265Sps);
  readonly #pps = new ParameterSets(parseH265Pps);
  #activePps = 0;
  #track: H265Track | undefined;
  readonly #bits = new BitReader(new Uint8Array(0), 0, 0, true);
  // Picture order count of the previous picture of temporal sub-layer 0, H.265 §8.3.1.
  #prevPocMsb = 0;
  #prevPocLsb = 0;
  readonly #buffer = new PictureBuffer();
  #isKeyPicture = false;

  kindOf(header: number): NalKind {
    if (layerOf(header) !== 0) {
      return NAL.drop;
    }
    const type = typeOf(header);
    if (type <= RASL_R || (type >= BLA_W_LP && type <= CRA)) {
      return NAL.slice;
    }
    switch (type) {
      case VPS:
      case SPS:
      case PPS:
        return NAL.parameters;
      case AUD:
        return NAL.delimiter;
      case PREFIX_SEI:
        return NAL.prefix;
      case SUFFIX_SEI:
        return NAL.suffix;
      default:
        return NAL.drop;
    }
  }

  isKey(header: number): boolean {
    const type = typeOf(header);
    return type >= BLA_W_LP && type <= CRA;
  }

  /** Always false: whether a missing picture is needed is known only from the references in the next slice header. */
  isDisposable(): boolean {
    return false;
  }

  references(ticks: number): References {
    return this.#buffer.references(this.poc, ticks);
  }

  accept(ticks: number): void {
    this.#buffer.accept(this.poc, ticks, this.#isKeyPicture);
  }

  /** first_slice_segment_in_pic_flag. */
  sliceStart(_header: number, data: Uint8Array, at: number, end: number): SliceStart {
    return at < end && ((data[at] as number) & 0x80) !== 0 ? SLICE.begins : SLICE.continues;
  }

  isRecoveryPoint(data: Uint8Array, start: number, end: number): boolean {
    return hasRecoveryPoint(data, start + 2, end);
  }

  keepParameters(data: Uint8Array, start: number, end: number): void {
    const type = ((data[start] as number) >> 1) & 0x3f;
    const sets = type === VPS ? this.#vps : type === SPS ? this.#sps : this.#pps;
    if (sets.keep(data, start, end)) {
      this.#track = undefined;
    }
  }

  readSlice(data: Uint8Array, start: number, end: number): void {
    const header = ((data[start] as number) << 8) | (data[start + 1] as number);
    const type = typeOf(header);
    this.startsOrder = type >= BLA_W_LP && type <= IDR_N_LP;
    this.#isKeyPicture = this.isKey(header);
    this.poc = undefined;
    this.#buffer.begin(false);
    try {
      this.#readHeader(header, data, start + 2, Math.min(end, start + SLICE_HEADER_BYTES));
    } catch (error) {
      this.#buffer.begin(false);
      // The decoder may still read it; without a picture order count, the order follows the timestamps.
      rethrowUnexpected(error);
    }
  }

  track(): H265Track | undefined {
    const sps = this.#activeSps();
    const vps = sps && this.#vps.get(sps.parsed.vpsId);
    if (!sps || !vps) {
      return undefined;
    }
    if (this.#track?.sps !== sps.nal) {
      this.#track = h265Track(
        vps.nal,
        sps.nal,
        this.#pps.nalsWhere((pps) => pps.spsId === sps.parsed.id),
      );
    }
    return this.#track;
  }

  firstTrack(): H265Track | undefined {
    this.#activePps = this.#pps.firstId ?? 0;
    return this.track();
  }

  order(): PictureOrder {
    const sps = this.#activeSps()?.parsed;
    const frameTicks = sps?.fps ? Math.round(90_000 / sps.fps) : undefined;
    return { maxReorderFrames: sps?.maxReorderFrames, pocStep: 1, frameTicks };
  }

  #activeSps() {
    const pps = this.#pps.get(this.#activePps);
    return pps && this.#sps.get(pps.parsed.spsId);
  }

  #readHeader(header: number, data: Uint8Array, start: number, end: number): void {
    const type = typeOf(header);
    const bits = this.#bits;
    bits.reset(data, start, end);
    bits.skip(1); // first_slice_segment_in_pic_flag
    if (type >= BLA_W_LP && type <= RSV_IRAP_23) {
      bits.skip(1); // no_output_of_prior_pics_flag
    }
    this.#activePps = bits.ueUpTo(63, 'slice_pic_parameter_set_id');
    const pps = this.#pps.get(this.#activePps)?.parsed;
    const sps = this.#activeSps()?.parsed;
    if (!pps || !sps) {
      return;
    }
    bits.skip(pps.extraSliceHeaderBits);
    bits.ue(); // slice_type
    if (pps.hasOutputFlag) {
      bits.skip(1);
    }
    if (sps.hasSeparatePlanes) {
      bits.skip(2);
    }
    // A BLA picture also restarts the counts, but not at 0.
    const isIdr = type === IDR_W_RADL || type === IDR_N_LP;
    const lsb = isIdr ? 0 : bits.bits(sps.pocLsbBits);
    this.poc = this.#countPoc(header, lsb, 2 ** sps.pocLsbBits);
    if (this.startsOrder) {
      this.#buffer.begin(true);
    } else if (sps.slices) {
      this.#buffer.begin(true);
      this.#nameReferences(bits, this.poc, sps, sps.slices);
    }
  }

  /** From short_term_ref_pic_set_sps_flag up to the long-term pictures, H.265 §7.3.6.1 and §8.3.2. */
  #nameReferences(bits: BitReader, poc: number, { pocLsbBits }: H265Sps, slices: SliceSyntax): void {
    for (const { distance, isUsed } of parseSliceSet(bits, slices.shortTermSets)) {
      this.#buffer.name(poc + distance, isUsed);
    }
    const inSps = slices.longTermPictures;
    if (!inSps) {
      return;
    }
    const range = 2 ** pocLsbBits;
    const chosen = inSps.length > 0 ? bits.ueUpTo(MAX_LONG_TERM_PICTURES, 'num_long_term_sps') : 0;
    const count = chosen + bits.ueUpTo(MAX_LONG_TERM_PICTURES, 'num_long_term_pics');
    for (let i = 0, cycles = 0; i < count; i += 1) {
      const known = i < chosen ? inSps[bits.bits(indexBits(inSps.length))] : undefined;
      const pocLsb = known?.pocLsb ?? bits.bits(pocLsbBits);
      const isUsed = known?.isUsed ?? bits.flag();
      const hasCycles = bits.flag();
      // Within those of the SPS and within those of the slice header, each delta adds to the previous one (equation 7-52).
      cycles = (i === 0 || i === chosen ? 0 : cycles) + (hasCycles ? bits.ue() : 0);
      const whole = poc - (poc & (range - 1)) - cycles * range + pocLsb;
      this.#buffer.name(hasCycles ? whole : pocLsb, isUsed, hasCycles ? -1 : range - 1);
    }
  }

  /** H.265 §8.3.1. */
  #countPoc(header: number, lsb: number, range: number): number {
    const type = typeOf(header);
    let msb = this.startsOrder ? 0 : this.#prevPocMsb;
    if (!this.startsOrder && lsb < this.#prevPocLsb && this.#prevPocLsb - lsb >= range / 2) {
      msb += range;
    } else if (!this.startsOrder && lsb > this.#prevPocLsb && lsb - this.#prevPocLsb > range / 2) {
      msb -= range;
    }
    // Even types up to 14 are sub-layer non-reference pictures; 6 to 9 are leading pictures.
    const isLeading = type >= RADL_N && type <= RASL_R;
    const isUnreferenced = type < RSV_VCL_R15 && type % 2 === 0;
    if (temporalIdOf(header) <= 0 && !isLeading && !isUnreferenced) {
      this.#prevPocMsb = msb;
      this.#prevPocLsb = lsb;
    }
    return msb + lsb;
  }
}

const parseVps = (nal: Uint8Array) => ({ id: parseH265VpsId(nal) });
