import type { PictureMotion, PictureState } from './picture-state.ts';
import type { ReferencePicture } from './reference-pictures.ts';
import type { VectorPredictor } from './vectors.ts';

/** DistScaleFactor of a long-term or simultaneous reference: the vector is not scaled. */
const UNSCALED = 0;
const clip = (value: number, least: number, most: number) => Math.min(Math.max(value, least), most);

/** Vectors of B_Skip, B_Direct_16x16 and B_Direct_8x8, H.264 §8.4.1.2. */
export class DirectPredictor {
  readonly #state: PictureState;
  readonly #vectors: VectorPredictor;
  #isSpatial = false;
  #infers8x8 = false;
  #list0: readonly (ReferencePicture | undefined)[] = [];
  #poc = 0;
  /** RefPicList1[0]; its motion is undefined if it was not read. */
  #colocated: ReferencePicture | undefined;
  // References and vectors of the macroblock by list, from spatial prediction.
  readonly #refs = new Int8Array(2);
  readonly #x = new Int16Array(2);
  readonly #y = new Int16Array(2);

  constructor(state: PictureState, vectors: VectorPredictor) {
    this.#state = state;
    this.#vectors = vectors;
  }

  begin(
    isSpatial: boolean,
    infers8x8: boolean,
    poc: number,
    list0: readonly (ReferencePicture | undefined)[],
    list1: readonly (ReferencePicture | undefined)[],
  ): void {
    this.#isSpatial = isSpatial;
    this.#infers8x8 = infers8x8;
    this.#poc = poc;
    this.#list0 = list0;
    this.#colocated = list1[0];
  }

  /** @param quarters one bit for each quarter of the macroblock that is predicted */
  fill(quarters: number): void {
    if (this.#isSpatial) {
      this.#predictSpatially();
    }
    const side = this.#infers8x8 ? 2 : 1;
    for (let quarter = 0; quarter < 4; quarter += 1) {
      if (((quarters >> quarter) & 1) === 0) {
        continue;
      }
      const left = 2 * (quarter & 1);
      const top = quarter & 2;
      for (let y = top; y < top + 2; y += side) {
        for (let x = left; x < left + 2; x += side) {
          // With direct_8x8_inference_flag the corners of the macroblock count.
          const column = this.#infers8x8 ? 3 * (quarter & 1) : x;
          const row = this.#infers8x8 ? 3 * (quarter >> 1) : y;
          const block = this.#state.origin + row * this.#state.stride + column;
          if (this.#isSpatial) {
            this.#fillSpatially(x, y, side, block);
          } else {
            this.#fillTemporally(x, y, side, block, quarter);
          }
        }
      }
    }
  }

  /** References and vectors of the whole macroblock, §8.4.1.2.2. */
  #predictSpatially(): void {
    const vectors = this.#vectors;
    for (let list = 0; list < 2; list += 1) {
      vectors.findNeighbours(list, 0, 0, 4);
      const ref = smallest(vectors.refA, smallest(vectors.refB, vectors.refC));
      this.#refs[list] = ref;
      if (ref >= 0) {
        vectors.takeMedian(list, ref);
      }
      this.#x[list] = ref < 0 ? 0 : vectors.x;
      this.#y[list] = ref < 0 ? 0 : vectors.y;
    }
    if ((this.#refs[0] as number) < 0 && (this.#refs[1] as number) < 0) {
      this.#refs.fill(0);
      this.#x.fill(0);
      this.#y.fill(0);
    }
  }

  #fillSpatially(x: number, y: number, side: number, block: number): void {
    const vectors = this.#vectors;
    const isStill = this.#isColocatedStill(block);
    for (let list = 0; list < 2; list += 1) {
      const ref = this.#refs[list] as number;
      if (ref >= 0) {
        const isZero = ref === 0 && isStill;
        vectors.x = isZero ? 0 : (this.#x[list] as number);
        vectors.y = isZero ? 0 : (this.#y[list] as number);
        vectors.fill(list, ref, x, y, side, side);
      }
    }
  }

  /** colZeroFlag. */
  #isColocatedStill(block: number): boolean {
    const motion = this.#colocated?.motion;
    if (!motion || this.#colocated?.isLongTerm) {
      return false;
    }
    const list = (motion.refs[0][block] as number) >= 0 ? 0 : 1;
    const x = motion.vectors[list][2 * block] as number;
    const y = motion.vectors[list][2 * block + 1] as number;
    return motion.refs[list][block] === 0 && x >= -1 && x <= 1 && y >= -1 && y <= 1;
  }

  /** §8.4.1.2.3. */
  #fillTemporally(x: number, y: number, side: number, block: number, quarter: number): void {
    const vectors = this.#vectors;
    const motion = this.#colocated?.motion;
    const list = motion && (motion.refs[0][block] as number) < 0 ? 1 : 0;
    const isInter = motion !== undefined && (motion.refs[list][block] as number) >= 0;
    const ref = isInter ? this.#mapped(motion, list, quarter) : 0;
    const columnX = isInter ? (motion.vectors[list][2 * block] as number) : 0;
    const columnY = isInter ? (motion.vectors[list][2 * block + 1] as number) : 0;
    const factor = this.#scaleOf(ref);
    vectors.x = factor === UNSCALED ? columnX : (factor * columnX + 128) >> 8;
    vectors.y = factor === UNSCALED ? columnY : (factor * columnY + 128) >> 8;
    vectors.fill(0, ref, x, y, side, side);
    vectors.x -= columnX;
    vectors.y -= columnY;
    vectors.fill(1, 0, x, y, side, side);
  }

  /** refIdxL0 of the picture to which the co-located block refers. */
  #mapped(motion: PictureMotion, list: 0 | 1, quarter: number): number {
    const picture = motion.pictures[list][4 * this.#state.mb + quarter];
    for (let ref = 0; ref < this.#list0.length; ref += 1) {
      if (this.#list0[ref]?.number === picture) {
        return ref;
      }
    }
    return 0;
  }

  /** DistScaleFactor, §8.4.2.3.1. */
  #scaleOf(ref: number): number {
    const picture = this.#list0[ref];
    const later = this.#colocated;
    if (!picture || !later || picture.isLongTerm || picture.poc === later.poc) {
      return UNSCALED;
    }
    const tb = clip(this.#poc - picture.poc, -128, 127);
    const td = clip(later.poc - picture.poc, -128, 127);
    const tx = Math.trunc((16_384 + Math.abs(Math.trunc(td / 2))) / td);
    return clip((tb * tx + 32) >> 6, -1024, 1023);
  }
}

/** MinPositive. */
const smallest = (a: number, b: number): number => (a >= 0 && b >= 0 ? Math.min(a, b) : Math.max(a, b));
