import type { CabacDecoder } from '../../payload/cabac-decoder.ts';
import { SLICE_TYPE } from '../../payload/slice-reader.ts';
import type { H265PpsSlices, H265Sps } from '../params.ts';
import type { H265SliceReader } from '../slice-reader.ts';
import type { PcmSyntax, SliceSyntax } from '../vui.ts';
import { CONTEXT } from './contexts.ts';
import type { FieldWriter } from './field-writer.ts';
import { IntraModes } from './intra-modes.ts';
import { INTRA_DC, type PictureState } from './picture-state.ts';
import { PredictionUnits } from './prediction-units.ts';
import type { ReferencePictures } from './reference-pictures.ts';
import { TransformTree } from './transform-tree.ts';
import { PART } from './vector-prediction.ts';

/** Coding quadtrees and their units, H.265 §7.3.8.4 and §7.3.8.5. */
export class CodingTree {
  readonly #cabac: CabacDecoder;
  readonly #state: PictureState;
  readonly #field: FieldWriter;
  readonly #slices: SliceSyntax;
  readonly #transforms: TransformTree;
  readonly #predictions: PredictionUnits;
  readonly #intra: IntraModes;
  #isIntraSlice = true;
  #mayBypass = false;
  /** Log2 of the side of quantization groups; above that of units: all have the quantiser of the slice. */
  #groupBits = 0;
  #isBypassed = false;

  constructor(cabac: CabacDecoder, state: PictureState, pictures: ReferencePictures, field: FieldWriter, sps: H265Sps) {
    this.#cabac = cabac;
    this.#state = state;
    this.#field = field;
    this.#slices = sps.slices as SliceSyntax;
    this.#transforms = new TransformTree(cabac, state, sps);
    this.#predictions = new PredictionUnits(cabac, state, pictures, field);
    this.#intra = new IntraModes(cabac, state);
  }

  beginSlice(header: H265SliceReader, pps: H265PpsSlices): void {
    this.#isIntraSlice = header.type === SLICE_TYPE.i;
    this.#mayBypass = pps.mayBypass;
    this.#groupBits = this.#slices.treeUnitBits - (pps.quantizerDepth ?? 0);
    this.#transforms.beginSlice(header, pps);
    this.#predictions.beginSlice(header, pps);
  }

  /** A slice, a tile, or a row with a substream of its own begins. */
  resetQuantizer(): void {
    this.#transforms.quantizer.reset();
  }

  /** coding_quadtree() */
  read(x: number, y: number, bits: number, depth: number): void {
    const state = this.#state;
    const size = 1 << bits;
    const isInside = x + size <= state.width && y + size <= state.height;
    const isSplit = bits > state.minBlockBits && (!isInside || this.#splitFlag(x, y, depth));
    if (bits === this.#groupBits || (bits > this.#groupBits && !isSplit)) {
      this.#transforms.quantizer.beginGroup(x, y);
    }
    if (!isSplit) {
      this.#readUnit(x, y, bits, depth);
      return;
    }
    const [right, down] = [x + (size >> 1), y + (size >> 1)];
    this.read(x, y, bits - 1, depth + 1);
    if (right < state.width) {
      this.read(right, y, bits - 1, depth + 1);
    }
    if (down < state.height) {
      this.read(x, down, bits - 1, depth + 1);
    }
    if (right < state.width && down < state.height) {
      this.read(right, down, bits - 1, depth + 1);
    }
  }

  #splitFlag(x: number, y: number, depth: number): boolean {
    const state = this.#state;
    const left = state.isUsable(x - 1, y) && (state.depths[state.blockAt(x - 1, y)] as number) > depth ? 1 : 0;
    const up = state.isUsable(x, y - 1) && (state.depths[state.blockAt(x, y - 1)] as number) > depth ? 1 : 0;
    return this.#cabac.bin(CONTEXT.split + left + up) === 1;
  }

  #skipFlag(x: number, y: number): boolean {
    const state = this.#state;
    const left = state.isUsable(x - 1, y) ? (state.skips[state.blockAt(x - 1, y)] as number) : 0;
    const up = state.isUsable(x, y - 1) ? (state.skips[state.blockAt(x, y - 1)] as number) : 0;
    return this.#cabac.bin(CONTEXT.skip + left + up) === 1;
  }

  #readUnit(x: number, y: number, bits: number, depth: number): void {
    const cabac = this.#cabac;
    const state = this.#state;
    const size = 1 << bits;
    const begin = cabac.positionBits;
    this.#isBypassed = this.#mayBypass && cabac.bin(CONTEXT.bypass) === 1;
    this.#transforms.isBypassed = this.#isBypassed;
    const isSkipped = !this.#isIntraSlice && this.#skipFlag(x, y);
    state.fillBlock(state.depths, x, y, size, depth);
    state.fillBlock(state.skips, x, y, size, isSkipped ? 1 : 0);
    let isCoded = false;
    if (isSkipped) {
      state.fillIntraMode(x, y, size, INTRA_DC);
      this.#predictions.readSkipped(x, y, size);
    } else {
      isCoded = this.#readPredicted(x, y, bits, depth);
    }
    const { qp } = this.#transforms.quantizer;
    state.fillBlock(state.qps, x, y, size, qp);
    this.#field.unit(x, y, size, isSkipped, isCoded, qp, cabac.positionBits - begin);
  }

  /** From pred_mode_flag on. @returns whether luma has a residual */
  #readPredicted(x: number, y: number, bits: number, depth: number): boolean {
    const cabac = this.#cabac;
    const size = 1 << bits;
    const isIntra = this.#isIntraSlice || cabac.bin(CONTEXT.predictionMode) === 1;
    const isSmallest = bits === this.#state.minBlockBits;
    if (isIntra) {
      this.#field.part(x, y, size, size, true, 0, 0);
      const isWhole = !isSmallest || cabac.bin(CONTEXT.partMode) === 1;
      const { pcm } = this.#slices;
      if (pcm && isWhole && bits >= pcm.minBlockBits && bits <= pcm.maxBlockBits && cabac.terminate() === 1) {
        this.#state.fillIntraMode(x, y, size, INTRA_DC);
        this.#skipPcm(size, pcm);
        return true;
      }
      this.#intra.read(x, y, size, !isWhole);
      return this.#transforms.readIntra(x, y, bits, !isWhole, this.#intra);
    }
    this.#state.fillIntraMode(x, y, size, INTRA_DC);
    const mode = this.#partMode(bits, isSmallest);
    const isMerged = this.#predictions.read(x, y, size, mode, depth);
    if ((mode !== PART.whole || !isMerged) && cabac.bin(CONTEXT.rootCoded) === 0) {
      return false;
    }
    return this.#transforms.readInter(x, y, bits, mode);
  }

  /** part_mode of an inter unit, H.265 table 9-34. */
  #partMode(bits: number, isSmallest: boolean): number {
    const cabac = this.#cabac;
    if (cabac.bin(CONTEXT.partMode) === 1) {
      return PART.whole;
    }
    const isRows = cabac.bin(CONTEXT.partMode + 1) === 1;
    if (isSmallest) {
      if (isRows || bits === 3) {
        return isRows ? PART.twoRows : PART.twoColumns;
      }
      return cabac.bin(CONTEXT.partMode + 2) === 1 ? PART.twoColumns : PART.four;
    }
    if (!this.#slices.hasAsymmetricParts || cabac.bin(CONTEXT.partMode + 3) === 1) {
      return isRows ? PART.twoRows : PART.twoColumns;
    }
    const isLate = cabac.bypass() === 1;
    return isRows ? (isLate ? PART.down : PART.up) : isLate ? PART.right : PART.left;
  }

  #skipPcm(size: number, pcm: PcmSyntax): void {
    const chroma = this.#transforms.hasChroma ? (size * size) >> 1 : 0;
    this.#cabac.restart(size * size * pcm.lumaBits + chroma * pcm.chromaBits);
  }
}
