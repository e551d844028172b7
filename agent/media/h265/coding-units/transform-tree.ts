import type { CabacDecoder } from '../../payload/cabac-decoder.ts';
import type { H265PpsSlices, H265Sps } from '../params.ts';
import type { H265SliceReader } from '../slice-reader.ts';
import type { SliceSyntax } from '../vui.ts';
import { CONTEXT } from './contexts.ts';
import type { IntraModes } from './intra-modes.ts';
import type { PictureState } from './picture-state.ts';
import { Quantizer } from './quantizer.ts';
import { ResidualReader, SCAN, type Scan } from './residual-reader.ts';
import { PART } from './vector-prediction.ts';

const CB = 1;
const CR = 2;

/** Transform trees and units, H.265 §7.3.8.8 to §7.3.8.10, of pictures in 4:2:0 or grey. */
export class TransformTree {
  readonly quantizer: Quantizer;
  readonly hasChroma: boolean;
  readonly #cabac: CabacDecoder;
  readonly #slices: SliceSyntax;
  readonly #residual: ResidualReader;
  #intra: IntraModes | undefined;
  #isFour = false;
  #middleX = 0;
  #middleY = 0;
  #maxDepth = 0;
  /** interSplitFlag of the root. */
  #isSplitRoot = false;
  #hasLuma = false;

  constructor(cabac: CabacDecoder, state: PictureState, sps: H265Sps) {
    this.#cabac = cabac;
    this.#slices = sps.slices as SliceSyntax;
    this.hasChroma = sps.chromaFormatIdc !== 0;
    this.quantizer = new Quantizer(cabac, state, sps.bitDepthLuma);
    this.#residual = new ResidualReader(cabac);
  }

  beginSlice(header: H265SliceReader, pps: H265PpsSlices): void {
    this.quantizer.beginSlice(header.qp, pps.quantizerDepth !== undefined);
    this.#residual.hidesSigns = pps.hidesSigns;
    this.#residual.hasTransformSkip = pps.hasTransformSkip;
  }

  set isBypassed(isBypassed: boolean) {
    this.#residual.isBypassed = isBypassed;
  }

  /** @returns whether luma has a residual */
  readIntra(x: number, y: number, bits: number, isFour: boolean, modes: IntraModes): boolean {
    if (this.hasChroma) {
      modes.readChroma();
    }
    this.#intra = modes;
    this.#isFour = isFour;
    this.#middleX = x + (1 << (bits - 1));
    this.#middleY = y + (1 << (bits - 1));
    this.#maxDepth = this.#slices.intraDepth + (isFour ? 1 : 0);
    this.#isSplitRoot = isFour;
    this.#hasLuma = false;
    this.#read(x, y, bits, 0, 0, CB | CR);
    return this.#hasLuma;
  }

  /** @returns whether luma has a residual */
  readInter(x: number, y: number, bits: number, mode: number): boolean {
    this.#intra = undefined;
    this.#isFour = false;
    this.#maxDepth = this.#slices.interDepth;
    this.#isSplitRoot = this.#slices.interDepth === 0 && mode !== PART.whole;
    this.#hasLuma = false;
    this.#read(x, y, bits, 0, 0, CB | CR);
    return this.#hasLuma;
  }

  /** transform_tree(). @param parent cbf_cb and cbf_cr of the block around it */
  #read(x: number, y: number, bits: number, depth: number, index: number, parent: number): void {
    const cabac = this.#cabac;
    const { minTransformBits, maxTransformBits } = this.#slices;
    const isForced = bits > maxTransformBits || (this.#isSplitRoot && depth === 0);
    const mayChoose = bits <= maxTransformBits && bits > minTransformBits && depth < this.#maxDepth;
    const isChosen = mayChoose && !(this.#isFour && depth === 0);
    const isSplit = isChosen ? cabac.bin(CONTEXT.transformSplit + 5 - bits) === 1 : isForced && bits > 2;
    let chroma = 0;
    if (!this.hasChroma) {
      chroma = 0;
    } else if (bits === 2) {
      chroma = parent;
    } else {
      chroma |= (parent & CB) !== 0 ? cabac.bin(CONTEXT.chromaCoded + depth) * CB : 0;
      chroma |= (parent & CR) !== 0 ? cabac.bin(CONTEXT.chromaCoded + depth) * CR : 0;
    }
    if (isSplit) {
      const half = 1 << (bits - 1);
      this.#read(x, y, bits - 1, depth + 1, 0, chroma);
      this.#read(x + half, y, bits - 1, depth + 1, 1, chroma);
      this.#read(x, y + half, bits - 1, depth + 1, 2, chroma);
      this.#read(x + half, y + half, bits - 1, depth + 1, 3, chroma);
      return;
    }
    const isAsked = this.#intra !== undefined || depth > 0 || chroma !== 0;
    const hasLuma = !isAsked || cabac.bin(CONTEXT.lumaCoded + (depth === 0 ? 1 : 0)) === 1;
    if (hasLuma || chroma !== 0) {
      this.#readUnit(x, y, bits, index, hasLuma, chroma);
    }
  }

  /** transform_unit() */
  #readUnit(x: number, y: number, bits: number, index: number, hasLuma: boolean, chroma: number): void {
    if (!this.quantizer.isKnown) {
      this.quantizer.read();
    }
    this.#hasLuma ||= hasLuma;
    const modes = this.#intra;
    if (hasLuma) {
      // With four parts, each quarter of the unit has its own mode.
      const part = this.#isFour ? (x >= this.#middleX ? 1 : 0) + (y >= this.#middleY ? 2 : 0) : 0;
      const scan = modes && bits <= 3 ? scanOf(modes.luma[part] as number) : SCAN.diagonal;
      this.#residual.read(bits, false, scan);
    }
    const chromaBits = bits > 2 ? bits - 1 : 2;
    if (bits === 2 && index !== 3) {
      return;
    }
    const scan = modes && chromaBits === 2 ? scanOf(modes.chroma) : SCAN.diagonal;
    if ((chroma & CB) !== 0) {
      this.#residual.read(chromaBits, true, scan);
    }
    if ((chroma & CR) !== 0) {
      this.#residual.read(chromaBits, true, scan);
    }
  }
}

/** Steep modes leave rows, flat ones columns: H.265 §7.4.9.11. */
function scanOf(mode: number): Scan {
  if (mode >= 6 && mode <= 14) {
    return SCAN.vertical;
  }
  return mode >= 22 && mode <= 30 ? SCAN.horizontal : SCAN.diagonal;
}
