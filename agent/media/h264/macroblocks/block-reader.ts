import { PerchError } from '../../../base/errors.ts';
import { BLOCK, BlockField, type BlockReader } from '../../payload/block-field.ts';
import { NAL_LENGTH_BYTES, readNalLength } from '../../payload/nal.ts';
import { SLICE_TYPE } from '../../payload/slice-reader.ts';
import type { H264Track } from '../../sample/track.ts';
import type { H264Sps } from '../params.ts';
import { H264SliceReader } from '../slice-reader.ts';
import { CabacSyntax } from './cabac-syntax.ts';
import { CavlcSyntax } from './cavlc-syntax.ts';
import { DirectPredictor } from './direct.ts';
import { MacroblockReader } from './macroblock-reader.ts';
import { MB, PictureMotion, PictureState } from './picture-state.ts';
import { Rbsp } from './rbsp.ts';
import { ReferencePictures } from './reference-pictures.ts';
import { VectorPredictor } from './vectors.ts';

/** MaxFS and MaxDpbMbs of level 5.2. */
const MAX_MACROBLOCKS = 36_864;
const MAX_BUFFERED_MACROBLOCKS = 184_320;
/** Baseline, main and high: others have other formats, partitions or switching slices. */
const PROFILES = [66, 77, 100];
const MAX_QP = 51;
const MAX_DISTANCE = 127;
const MAX_BITS = 65_535;
/** A CABAC decoder has read fewer bits than this beyond the current bin. */
const MAX_AHEAD_BITS = 32;

/** Macroblocks of H.264: frames of baseline, main and high profile, 4:2:0 with 8 bits. Residuals are read, and not kept. */
export class H264BlockReader implements BlockReader {
  readonly field: BlockField;
  /** The last picture in detail. */
  readonly state: PictureState;
  /** Its references. */
  readonly references = new ReferencePictures();
  readonly #slice: H264SliceReader;
  readonly #rbsp = new Rbsp();
  readonly #cabac: CabacSyntax;
  readonly #cavlc: CavlcSyntax;
  readonly #vectors: VectorPredictor;
  readonly #direct: DirectPredictor;
  readonly #macroblocks: MacroblockReader;
  /** Motion of reference pictures and of the current picture. One is enough without B slices. */
  readonly #motions: PictureMotion[] = [];
  readonly #maxMotions: number;
  /** POC between two pictures: 2, unless one is odd. */
  #pocStep = 2;
  #readCount = 0;

  /** @throws PerchError if a parameter set is invalid, or the format is not supported */
  constructor(track: H264Track) {
    this.#slice = new H264SliceReader(track);
    const { sps } = this.#slice;
    const columns = sps.codedWidth / 16;
    const rows = sps.codedHeight / 16;
    if (!isReadable(sps) || columns * rows > MAX_MACROBLOCKS) {
      throw new PerchError(
        'unsupported',
        `macroblocks of ${columns} x ${rows}, profile ${sps.profileIdc}, are not read`,
      );
    }
    const hasB = sps.profileIdc !== 66 && sps.pocType === 0 && sps.maxReorderFrames !== 0;
    this.#maxMotions = hasB ? 1 + Math.floor(Math.min(16, MAX_BUFFERED_MACROBLOCKS / (columns * rows))) : 1;
    this.field = new BlockField(sps.codedWidth, sps.codedHeight);
    this.state = new PictureState(columns, rows);
    this.#cabac = new CabacSyntax(this.state);
    this.#cavlc = new CavlcSyntax(this.state);
    this.#vectors = new VectorPredictor(this.state);
    this.#direct = new DirectPredictor(this.state, this.#vectors);
    this.#macroblocks = new MacroblockReader(this.state, this.#vectors, this.#direct, this.#cavlc);
  }

  follow(data: Uint8Array): void {
    this.#readPicture(data, false);
  }

  read(data: Uint8Array): boolean {
    return this.#readPicture(data, true);
  }

  #readPicture(data: Uint8Array, wantsBlocks: boolean): boolean {
    const slice = this.#slice;
    let slices = 0;
    let isRead = wantsBlocks;
    for (let at = 0; at + NAL_LENGTH_BYTES < data.length; ) {
      const start = at + NAL_LENGTH_BYTES;
      const end = Math.min(start + readNalLength(data, at), data.length);
      at = end;
      if (slice.read(data, start, end)) {
        if (slices === 0) {
          this.#begin(wantsBlocks);
        }
        isRead &&= this.#readSlice(data, start, end, slices);
        slices += 1;
      }
    }
    isRead &&= this.#readCount === this.field.flags.length;
    if (slices > 0) {
      const { current } = this.references;
      current.motion = isRead && this.#maxMotions > 1 && slice.isReference ? this.state.motion : undefined;
      this.references.end(slice);
    }
    return isRead && slices > 0;
  }

  #begin(wantsBlocks: boolean): void {
    this.references.begin(this.#slice);
    this.#pocStep = (this.references.current.poc & 1) === 0 ? this.#pocStep : 1;
    this.#readCount = 0;
    if (wantsBlocks) {
      this.state.begin(this.#freeMotion());
      this.#cabac.beginPicture();
      this.#cavlc.beginPicture();
    }
  }

  #freeMotion(): PictureMotion {
    const free = this.#motions.find((motion) => !this.references.keeps(motion));
    if (free) {
      return free;
    }
    if (this.#motions.length === this.#maxMotions) {
      return this.references.forgetMotion() ?? this.state.motion;
    }
    const made = this.#motions.length === 0 ? this.state.motion : new PictureMotion(this.field.flags.length);
    this.#motions.push(made);
    return made;
  }

  #readSlice(data: Uint8Array, start: number, end: number, number: number): boolean {
    try {
      return this.#readMacroblocks(data, start, end, number);
    } catch (error) {
      if (error instanceof PerchError) {
        return false;
      }
      throw error;
    }
  }

  /** @returns whether the slice ends exactly at its trailing bits */
  #readMacroblocks(data: Uint8Array, start: number, end: number, number: number): boolean {
    const slice = this.#slice;
    const { state } = this;
    const rbsp = this.#rbsp;
    const isCabac = slice.syntax?.isCabac === true;
    const syntax = isCabac ? this.#cabac : this.#cavlc;
    const isKnown = slice.qp >= 0 && slice.qp <= MAX_QP && !(slice.type === SLICE_TYPE.b && slice.sps.pocType === 1);
    if (!isKnown) {
      return false;
    }
    rbsp.load(data, start + 1, end, slice.skipDeblocking());
    this.references.makeLists(slice);
    const [list0, list1] = this.references.lists;
    this.#direct.begin(slice.isDirectSpatial, slice.sps.infersDirect8x8, this.references.current.poc, list0, list1);
    const model = slice.type === SLICE_TYPE.i ? 0 : 1 + slice.cabacInit;
    syntax.begin(rbsp.data, rbsp.positionBits, rbsp.sizeBits, model, slice.qp);
    this.#macroblocks.begin(syntax, slice);
    let position = syntax.positionBits;
    for (let mb = slice.firstUnit; ; mb += 1) {
      if (mb >= state.slices.length || (state.slices[mb] as number) >= 0 || position > rbsp.sizeBits + MAX_AHEAD_BITS) {
        return false;
      }
      state.moveTo(mb, number);
      this.#macroblocks.read();
      this.#readCount += 1;
      this.#note(mb, syntax.positionBits - position);
      position = syntax.positionBits;
      if (syntax.isLast()) {
        return isCabac ? rbsp.stopsBefore(syntax.positionBits) : syntax.positionBits === rbsp.sizeBits;
      }
    }
  }

  /** Puts the macroblock into the field, and its references into the motion. */
  #note(mb: number, bits: number): void {
    const { field, state } = this;
    const kind = state.kinds[mb] as number;
    field.qps[mb] = state.qps[mb] as number;
    field.bits[mb] = Math.min(bits, MAX_BITS);
    field.x[mb] = 0;
    field.y[mb] = 0;
    field.distances[mb] = 0;
    field.flags[mb] =
      ((kind & MB.skipped) === 0 ? 0 : BLOCK.skipped) |
      ((kind & MB.intra) === 0 ? 0 : BLOCK.intra) |
      (((state.patterns[mb] as number) & 0x0f) === 0 ? 0 : BLOCK.coded);
    if ((kind & MB.intra) === 0) {
      this.#noteVectors(mb);
    }
  }

  #noteVectors(mb: number): void {
    const { field, state, references } = this;
    const { motion, origin, stride } = state;
    let longest = -1;
    for (let list = 0; list < 2; list += 1) {
      const vectors = motion.vectors[list as 0 | 1];
      const refs = motion.refs[list as 0 | 1];
      const pictures = references.lists[list as 0 | 1];
      const isFirst = longest < 0;
      for (let quarter = 0; quarter < 4; quarter += 1) {
        const block = origin + (quarter & 2) * stride + 2 * (quarter & 1);
        const ref = refs[block] as number;
        if (ref < 0) {
          continue;
        }
        const picture = pictures[ref];
        motion.pictures[list as 0 | 1][4 * mb + quarter] = picture?.number ?? -1;
        const x = vectors[2 * block] as number;
        const y = vectors[2 * block + 1] as number;
        if (isFirst && Math.abs(x) + Math.abs(y) > longest) {
          longest = Math.abs(x) + Math.abs(y);
          field.x[mb] = x;
          field.y[mb] = y;
          field.distances[mb] = picture ? this.#distanceTo(picture.poc) : 0;
        }
      }
    }
  }

  #distanceTo(poc: number): number {
    const distance = Math.round((this.references.current.poc - poc) / this.#pocStep);
    return Math.min(Math.max(distance, -MAX_DISTANCE), MAX_DISTANCE);
  }
}

const isReadable = (sps: H264Sps): boolean =>
  PROFILES.includes(sps.profileIdc) &&
  sps.isFrameOnly &&
  sps.chromaFormatIdc === 1 &&
  sps.bitDepthLuma === 8 &&
  sps.bitDepthChroma === 8;
