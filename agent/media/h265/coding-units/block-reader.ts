import { PerchError } from '../../../base/errors.ts';
import { BlockField, type BlockReader } from '../../payload/block-field.ts';
import { NAL_LENGTH_BYTES, readNalLength } from '../../payload/nal.ts';
import { SLICE_TYPE } from '../../payload/slice-reader.ts';
import type { H265Track } from '../../sample/track.ts';
import { type H265Sps, parseH265Sps } from '../params.ts';
import { H265SliceReader } from '../slice-reader.ts';
import { FieldWriter } from './field-writer.ts';
import { PictureState } from './picture-state.ts';
import { ReferencePictures } from './reference-pictures.ts';
import { SliceData } from './slice-data.ts';
import { UnitOrder } from './unit-order.ts';

/** Main, Main 10, Main Still Picture: others may have range extensions. */
const MAX_PROFILE = 3;

/** Whether the coding units of pictures with this SPS can be read. */
function hasReadableBlocks(sps: H265Sps): boolean {
  const { profile, slices, chromaFormatIdc, hasSeparatePlanes } = sps;
  const isPlain = profile.space === 0 && profile.profileIdc >= 1 && profile.profileIdc <= MAX_PROFILE;
  const hasSizes = slices !== undefined && slices.treeUnitBits >= 4 && slices.treeUnitBits <= 6;
  const hasTransforms = slices !== undefined && slices.maxTransformBits <= Math.min(slices.treeUnitBits, 5);
  const isNested = slices !== undefined && slices.minTransformBits < slices.minBlockBits;
  return isPlain && hasSizes && hasTransforms && isNested && chromaFormatIdc <= 1 && !hasSeparatePlanes;
}

/** Blocks of H.265, from its coding units: no pixels are made. */
export class H265BlockReader implements BlockReader {
  readonly field: BlockField;
  readonly #sps: H265Sps;
  readonly #header: H265SliceReader;
  /** Motion of parts of 4x4 pixels of the last picture. */
  readonly state: PictureState;
  readonly references: ReferencePictures;
  readonly #writer: FieldWriter;
  readonly #data: SliceData;
  /** For the last PPS. */
  #order: UnitOrder | undefined;
  #orderPps: unknown;
  #bytes = new Uint8Array(0);

  /** @throws PerchError if a parameter set of the track is invalid, or its coding units cannot be read */
  constructor(track: H265Track) {
    const sps = parseH265Sps(track.sps);
    const { slices } = sps;
    if (!slices || !hasReadableBlocks(sps)) {
      throw new PerchError('unsupported', 'coding units of this H.265 profile cannot be read');
    }
    const { width, height } = sps.coded;
    this.#sps = sps;
    this.#header = new H265SliceReader(track);
    this.state = new PictureState(sps, slices);
    this.references = new ReferencePictures(width, height, sps.pocLsbBits);
    this.field = new BlockField(width, height);
    this.#writer = new FieldWriter(this.field);
    this.#data = new SliceData(this.state, this.references, this.#writer, sps);
  }

  follow(data: Uint8Array): void {
    for (let at = 0; at + NAL_LENGTH_BYTES < data.length; ) {
      const start = at + NAL_LENGTH_BYTES;
      const end = Math.min(start + readNalLength(data, at), data.length);
      at = end;
      if (this.#header.read(data, start, end) && this.#header.firstUnit === 0) {
        this.references.begin(this.#header);
        // I pictures have no motion; that of other pictures is unknown, because their blocks are not read.
        this.references.current.hasMotion = this.#header.type === SLICE_TYPE.i;
        return;
      }
    }
  }

  read(data: Uint8Array): boolean {
    let isWhole = true;
    let hasBegun = false;
    for (let at = 0; at + NAL_LENGTH_BYTES < data.length; ) {
      const start = at + NAL_LENGTH_BYTES;
      const end = Math.min(start + readNalLength(data, at), data.length);
      at = end;
      const nalType = (data[start] ?? 0xff) >> 1;
      if (nalType > 31) {
        continue;
      }
      const isReadable = this.#header.read(data, start, end);
      if (isReadable && !hasBegun) {
        hasBegun = true;
        this.#begin();
      }
      isWhole &&= isReadable && this.#readSlice(data, end);
    }
    return hasBegun && isWhole && this.#data.units === this.#sps.treeUnits;
  }

  #begin(): void {
    this.references.begin(this.#header);
    this.references.current.hasMotion = true;
    this.state.begin();
    this.#writer.begin();
    this.#data.beginPicture();
  }

  #readSlice(data: Uint8Array, end: number): boolean {
    const header = this.#header;
    const pps = header.pps?.slices;
    const begin = header.readRest();
    if (!pps || begin < 0 || begin >= end || !this.references.beginSlice(header)) {
      return false;
    }
    if (header.type !== SLICE_TYPE.i && header.counts[0] === 0) {
      return false;
    }
    const length = this.#unescape(data, begin, end);
    try {
      return this.#data.read(header, pps, this.#orderOf(pps), this.#bytes, 0, length);
    } catch (error) {
      if (error instanceof PerchError) {
        return false;
      }
      throw error;
    }
  }

  #orderOf(pps: NonNullable<NonNullable<H265SliceReader['pps']>['slices']>): UnitOrder {
    if (!this.#order || this.#orderPps !== pps) {
      this.#order = new UnitOrder(this.state.unitColumns, this.state.unitRows, pps);
      this.#orderPps = pps;
    }
    return this.#order;
  }

  /** Copies a part of a NAL unit without its emulation prevention bytes. @returns the length */
  #unescape(data: Uint8Array, start: number, end: number): number {
    if (this.#bytes.length < end - start) {
      this.#bytes = new Uint8Array(2 ** Math.ceil(Math.log2(end - start)));
    }
    const bytes = this.#bytes;
    let length = 0;
    let zeros = 0;
    for (let at = start; at < end; at += 1) {
      const byte = data[at] as number;
      if (zeros >= 2 && byte === 3) {
        zeros = 0;
        continue;
      }
      zeros = byte === 0 ? zeros + 1 : 0;
      bytes[length] = byte;
      length += 1;
    }
    return length;
  }
}
