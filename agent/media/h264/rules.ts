import { PerchError, rethrowUnexpected } from '../../base/errors.ts';
import { BitReader } from '../payload/bit-reader.ts';
import type { PictureOrder } from '../payload/decode-times.ts';
import { hasRecoveryPoint } from '../payload/nal.ts';
import {
  NAL,
  type NalKind,
  type NalRules,
  REFERENCES,
  type References,
  SLICE,
  type SliceStart,
} from '../payload/nal-rules.ts';
import { ParameterSets } from '../payload/parameter-sets.ts';
import type { H264Track } from '../sample/track.ts';
import { type H264Sps, h264Track, parseH264Pps, parseH264Sps } from './params.ts';

/** The fields read from a slice header take at most about 20 bytes. */
const SLICE_HEADER_BYTES = 32;
/** 1/60 s at 90 kHz: no camera sends pictures faster. */
const MIN_FRAME_TICKS = 1_500;

/** H.264 for the assembly of access units: NAL unit types (§7.4.1), parameter sets, slice headers (§7.3.3). */
export class H264Rules implements NalRules {
  readonly headerBytes = 1;
  readonly namesReferences = false;
  poc: number | undefined;
  startsOrder = false;
  readonly #sps = new ParameterSets(parseH264Sps);
  readonly #pps = new ParameterSets(parseH264Pps);
  #activePps = 0;
  #track: H264Track | undefined;
  readonly #bits = new BitReader(new Uint8Array(0), 0, 0, true);
  // Picture order count of the previous reference picture, H.264 §8.2.1.1.
  #prevPocMsb = 0;
  #prevPocLsb = 0;
  // frame_num and field of the previous first slice, to find the second field of a frame.
  #prevFrameNum = -1;
  #prevField = 0;
  // frame_num of the last slice read and of the last reference picture delivered; -1: unknown.
  #frameNum = -1;
  #isReference = false;
  #acceptedFrameNum = -1;
  #acceptedTicks = Number.NaN;

  kindOf(header: number): NalKind {
    switch (header & 0x1f) {
      case 1:
      case 2:
      case 5:
        return NAL.slice;
      case 3:
      case 4:
        return NAL.suffix;
      case 6:
        return NAL.prefix;
      case 7:
      case 8:
        return NAL.parameters;
      case 9:
        return NAL.delimiter;
      default:
        return NAL.drop;
    }
  }

  isKey(header: number): boolean {
    return (header & 0x1f) === 5;
  }

  isDisposable(header: number): boolean {
    return (header & 0x60) === 0;
  }

  /** frame_num counts reference pictures, §7.4.3. It wraps, so a longer loss cannot be measured. */
  references(ticks: number): References {
    const range = 2 ** (this.#activeSps()?.parsed.frameNumBits ?? 0);
    const isRecent = ticks - this.#acceptedTicks < range * MIN_FRAME_TICKS;
    const isKnown = this.#acceptedFrameNum >= 0 && this.#frameNum >= 0 && isRecent;
    const isNext = isKnown && this.#frameNum === (this.#acceptedFrameNum + 1) % range;
    return isNext ? REFERENCES.all : REFERENCES.unknown;
  }

  accept(ticks: number): void {
    this.#acceptedTicks = ticks;
    if (this.#isReference) {
      this.#acceptedFrameNum = this.#frameNum;
    }
  }

  sliceStart(header: number, data: Uint8Array, at: number, end: number): SliceStart {
    // first_mb_in_slice 0 is a single 1 bit.
    if (at >= end || ((data[at] as number) & 0x80) === 0) {
      return SLICE.continues;
    }
    const sps = this.#activeSps()?.parsed;
    return sps && !sps.isFrameOnly ? this.#fieldStart(sps, header, data, at, end) : SLICE.begins;
  }

  isRecoveryPoint(data: Uint8Array, start: number, end: number): boolean {
    return hasRecoveryPoint(data, start + 1, end);
  }

  keepParameters(data: Uint8Array, start: number, end: number): void {
    const isSps = ((data[start] as number) & 0x1f) === 7;
    if ((isSps ? this.#sps : this.#pps).keep(data, start, end)) {
      this.#track = undefined;
    }
  }

  readSlice(data: Uint8Array, start: number, end: number): void {
    const header = data[start] as number;
    this.startsOrder = this.isKey(header);
    this.poc = undefined;
    this.#frameNum = -1;
    this.#isReference = !this.isDisposable(header);
    try {
      this.#readHeader(header, data, start + 1, Math.min(end, start + SLICE_HEADER_BYTES));
    } catch (error) {
      // The decoder may still read it; without a picture order count, the order follows the timestamps.
      rethrowUnexpected(error);
    }
  }

  track(): H264Track | undefined {
    const sps = this.#activeSps();
    if (!sps) {
      return undefined;
    }
    if (this.#track?.sps !== sps.nal) {
      this.#track = h264Track(
        sps.nal,
        this.#pps.nalsWhere((pps) => pps.spsId === sps.parsed.id),
      );
    }
    return this.#track;
  }

  firstTrack(): H264Track | undefined {
    this.#activePps = this.#pps.firstId ?? 0;
    return this.track();
  }

  order(): PictureOrder {
    const sps = this.#activeSps()?.parsed;
    const frameTicks = sps?.fps ? Math.round(90_000 / sps.fps) : undefined;
    return { maxReorderFrames: sps?.maxReorderFrames, pocStep: 2, frameTicks };
  }

  #activeSps() {
    const pps = this.#pps.get(this.#activePps);
    return pps && this.#sps.get(pps.parsed.spsId);
  }

  #readHeader(header: number, data: Uint8Array, start: number, end: number): void {
    const bits = this.#bits;
    bits.reset(data, start, end);
    bits.ue(); // first_mb_in_slice
    bits.ue(); // slice_type
    this.#activePps = bits.ueUpTo(255, 'pic_parameter_set_id');
    const sps = this.#activeSps()?.parsed;
    if (!sps) {
      return;
    }
    if (sps.hasSeparatePlanes) {
      bits.skip(2);
    }
    this.#frameNum = bits.bits(sps.frameNumBits);
    if (!sps.isFrameOnly) {
      readField(bits);
    }
    if (this.startsOrder) {
      bits.ue(); // idr_pic_id
    }
    if (sps.pocType === 0) {
      this.poc = this.#countPoc(bits.bits(sps.pocLsbBits), 2 ** sps.pocLsbBits, (header & 0x60) !== 0);
    }
  }

  /** H.264 §8.2.1.1. */
  #countPoc(lsb: number, range: number, isReference: boolean): number {
    if (this.startsOrder) {
      this.#prevPocMsb = 0;
      this.#prevPocLsb = 0;
    }
    let msb = this.#prevPocMsb;
    if (lsb < this.#prevPocLsb && this.#prevPocLsb - lsb >= range / 2) {
      msb += range;
    } else if (lsb > this.#prevPocLsb && lsb - this.#prevPocLsb > range / 2) {
      msb -= range;
    }
    if (isReference) {
      this.#prevPocMsb = msb;
      this.#prevPocLsb = lsb;
    }
    return msb + lsb;
  }

  /** Interlaced streams: a field of the other parity with the same frame_num belongs to the previous field. */
  #fieldStart(sps: H264Sps, header: number, data: Uint8Array, at: number, end: number): SliceStart {
    const bits = this.#bits;
    bits.reset(data, at, Math.min(end, at + SLICE_HEADER_BYTES));
    try {
      bits.ue();
      bits.ue();
      bits.ue();
      if (sps.hasSeparatePlanes) {
        bits.skip(2);
      }
      const frameNum = bits.bits(sps.frameNumBits);
      const field = readField(bits);
      const isSecond = field !== 0 && frameNum === this.#prevFrameNum && field + this.#prevField === 3;
      this.#prevFrameNum = frameNum;
      // A pair is complete with its second field.
      this.#prevField = isSecond ? 0 : field;
      return isSecond && !this.isKey(header) ? SLICE.either : SLICE.begins;
    } catch (error) {
      if (error instanceof PerchError) {
        return SLICE.begins;
      }
      throw error;
    }
  }
}

/** 0: a frame, 1: a top field, 2: a bottom field. */
function readField(bits: BitReader): number {
  return bits.flag() ? 1 + bits.bits(1) : 0;
}
