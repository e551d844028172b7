import type { CabacDecoder } from '../../payload/cabac-decoder.ts';
import { SLICE_TYPE } from '../../payload/slice-reader.ts';
import type { H265PpsSlices } from '../params.ts';
import type { H265SliceReader } from '../slice-reader.ts';
import { CONTEXT } from './contexts.ts';
import type { FieldWriter } from './field-writer.ts';
import type { PictureState } from './picture-state.ts';
import type { ReferencePictures } from './reference-pictures.ts';
import { PART, VectorPrediction } from './vector-prediction.ts';
import { packVector } from './vectors.ts';

const LIST_ENTRIES = 16;

/** Prediction units with their motion, H.265 §7.3.8.6. */
export class PredictionUnits {
  readonly #cabac: CabacDecoder;
  readonly #pictures: ReferencePictures;
  readonly #field: FieldWriter;
  readonly #vectors: VectorPrediction;
  #isB = false;
  #counts: readonly [number, number] = [0, 0];
  #maxCandidates = 0;
  #hasZeroDifferences = false;
  #parallelBits = 2;
  #isMerged = false;

  constructor(cabac: CabacDecoder, state: PictureState, pictures: ReferencePictures, field: FieldWriter) {
    this.#cabac = cabac;
    this.#pictures = pictures;
    this.#field = field;
    this.#vectors = new VectorPrediction(state, pictures);
  }

  beginSlice(header: H265SliceReader, pps: H265PpsSlices): void {
    this.#isB = header.type === SLICE_TYPE.b;
    this.#counts = [header.counts[0] as number, header.counts[1] as number];
    this.#maxCandidates = header.maxMergeCandidates;
    this.#hasZeroDifferences = header.hasZeroDifferences;
    this.#parallelBits = pps.parallelMergeBits;
    this.#vectors.beginSlice(header, pps.parallelMergeBits);
  }

  readSkipped(x: number, y: number, size: number): void {
    this.#vectors.begin(x, y, size, size);
    this.#vectors.merge(this.#mergeIndex(), PART.whole, 0);
    this.#keep(x, y, size, size);
  }

  /** All parts of a coding unit. @returns merge_flag of the last one */
  read(x: number, y: number, size: number, mode: number, depth: number): boolean {
    const [half, quarter] = [size >> 1, size >> 2];
    switch (mode) {
      case PART.whole:
        this.#part(x, y, size, size, x, y, size, mode, 0, depth);
        break;
      case PART.four:
        for (let i = 0; i < 4; i += 1) {
          this.#part(x + half * (i & 1), y + half * (i >> 1), half, half, x, y, size, mode, i, depth);
        }
        break;
      case PART.twoRows:
      case PART.up:
      case PART.down: {
        const first = mode === PART.twoRows ? half : mode === PART.up ? quarter : size - quarter;
        this.#part(x, y, size, first, x, y, size, mode, 0, depth);
        this.#part(x, y + first, size, size - first, x, y, size, mode, 1, depth);
        break;
      }
      default: {
        const first = mode === PART.twoColumns ? half : mode === PART.left ? quarter : size - quarter;
        this.#part(x, y, first, size, x, y, size, mode, 0, depth);
        this.#part(x + first, y, size - first, size, x, y, size, mode, 1, depth);
      }
    }
    return this.#isMerged;
  }

  #part(
    x: number,
    y: number,
    width: number,
    height: number,
    unitX: number,
    unitY: number,
    size: number,
    mode: number,
    part: number,
    depth: number,
  ): void {
    const vectors = this.#vectors;
    this.#isMerged = this.#cabac.bin(CONTEXT.mergeFlag) === 1;
    if (!this.#isMerged) {
      vectors.begin(x, y, width, height);
      this.#explicit(width + height, depth);
    } else {
      const index = this.#mergeIndex();
      // The parts of a unit of 8x8 pixels share their candidates, unless areas of parallel merging are as small as they can be.
      const isShared = this.#parallelBits > 2 && size === 8;
      if (isShared) {
        vectors.begin(unitX, unitY, size, size);
        vectors.merge(index, PART.whole, 0);
      } else {
        vectors.begin(x, y, width, height);
        vectors.merge(index, mode, part);
      }
      vectors.restrict(width, height);
    }
    this.#keep(x, y, width, height);
  }

  #mergeIndex(): number {
    const cabac = this.#cabac;
    const most = this.#maxCandidates - 1;
    if (most <= 0 || cabac.bin(CONTEXT.mergeIndex) === 0) {
      return 0;
    }
    let index = 1;
    while (index < most && cabac.bypass() === 1) {
      index += 1;
    }
    return index;
  }

  /** From inter_pred_idc on. @param perimeter nPbW + nPbH */
  #explicit(perimeter: number, depth: number): void {
    const cabac = this.#cabac;
    let has0 = true;
    let has1 = false;
    if (this.#isB) {
      if (perimeter !== 12 && cabac.bin(CONTEXT.interDirection + depth) === 1) {
        has1 = true;
      } else {
        has1 = cabac.bin(CONTEXT.interDirection + 4) === 1;
        has0 = !has1;
      }
    }
    let reference0 = 0;
    let vector0 = 0;
    if (has0) {
      const index = this.#referenceIndex(this.#counts[0]);
      const difference = this.#difference();
      const flag = cabac.bin(CONTEXT.predictorFlag);
      reference0 = index + 1;
      vector0 = this.#vectors.explicit(0, index, flag, difference);
    }
    let reference1 = 0;
    let vector1 = 0;
    if (has1) {
      const index = this.#referenceIndex(this.#counts[1]);
      const difference = this.#hasZeroDifferences && has0 ? 0 : this.#difference();
      const flag = cabac.bin(CONTEXT.predictorFlag);
      reference1 = index + 1;
      vector1 = this.#vectors.explicit(1, index, flag, difference);
    }
    this.#vectors.set(reference0 + (reference1 << 8), vector0, vector1);
  }

  #referenceIndex(count: number): number {
    const cabac = this.#cabac;
    let index = 0;
    while (index < count - 1) {
      const bin = index < 2 ? cabac.bin(CONTEXT.referenceIndex + index) : cabac.bypass();
      if (bin === 0) {
        break;
      }
      index += 1;
    }
    return index;
  }

  /** mvd_coding() */
  #difference(): number {
    const cabac = this.#cabac;
    const hasX = cabac.bin(CONTEXT.differenceGreater0) === 1;
    const hasY = cabac.bin(CONTEXT.differenceGreater0) === 1;
    const isLargeX = hasX && cabac.bin(CONTEXT.differenceGreater1) === 1;
    const isLargeY = hasY && cabac.bin(CONTEXT.differenceGreater1) === 1;
    const x = hasX ? this.#size(isLargeX) : 0;
    const y = hasY ? this.#size(isLargeY) : 0;
    return packVector(x, y);
  }

  /** abs_mvd_minus2 and mvd_sign_flag. */
  #size(isLarge: boolean): number {
    const cabac = this.#cabac;
    const size = isLarge ? 2 + cabac.suffix(1) : 1;
    return cabac.bypass() === 1 ? -size : size;
  }

  #keep(x: number, y: number, width: number, height: number): void {
    const vectors = this.#vectors;
    vectors.keep(x, y, width, height);
    const { poc, pocs } = this.#pictures;
    const entry0 = (vectors.references & 0xff) - 1;
    const entry = entry0 >= 0 ? entry0 : LIST_ENTRIES + (vectors.references >> 8) - 1;
    const distance = poc - (pocs[entry] as number);
    this.#field.part(x, y, width, height, false, entry0 >= 0 ? vectors.vector0 : vectors.vector1, distance);
  }
}
