import { BLOCK_ORDER, type PictureState, SHAPE } from './picture-state.ts';

const median = (a: number, b: number, c: number): number => Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));

/** Predicts vectors from those of neighbours, H.264 §8.4.1.1 and §8.4.1.3. */
export class VectorPredictor {
  x = 0;
  y = 0;
  /** refIdx of the neighbours A, B and C of the last prediction. */
  refA = -1;
  refB = -1;
  refC = -1;
  readonly #state: PictureState;
  #a = -1;
  #b = -1;
  #c = -1;

  constructor(state: PictureState) {
    this.#state = state;
  }

  /** Predicts the vector of the part at `x` and `y` of the macroblock, `width` wide, in 4x4 blocks. @param shape of the macroblock */
  predict(list: number, ref: number, x: number, y: number, width: number, shape: number): void {
    this.findNeighbours(list, x, y, width);
    if (shape === SHAPE.rows) {
      if (y === 0 && this.refB === ref) {
        this.#take(list, this.#b);
        return;
      }
      if (y === 2 && this.refA === ref) {
        this.#take(list, this.#a);
        return;
      }
    } else if (shape === SHAPE.columns) {
      if (x === 0 && this.refA === ref) {
        this.#take(list, this.#a);
        return;
      }
      if (x === 2 && this.refC === ref) {
        this.#take(list, this.#c);
        return;
      }
    }
    this.takeMedian(list, ref);
  }

  /** Predicts the vector of P_Skip, §8.4.1.1. */
  predictSkipped(): void {
    const { motion } = this.#state;
    this.findNeighbours(0, 0, 0, 4);
    const isStill =
      this.#a < 0 ||
      this.#b < 0 ||
      (this.refA === 0 && isZero(motion.vectors[0], this.#a)) ||
      (this.refB === 0 && isZero(motion.vectors[0], this.#b));
    if (isStill) {
      this.x = 0;
      this.y = 0;
    } else {
      this.takeMedian(0, 0);
    }
  }

  findNeighbours(list: number, x: number, y: number, width: number): void {
    const state = this.#state;
    const refs = state.motion.refs[list as 0 | 1];
    this.#a = state.blockAt(x - 1, y);
    this.#b = state.blockAt(x, y - 1);
    this.#c = this.#hasC(x + width, y, x) ? state.blockAt(x + width, y - 1) : -1;
    if (this.#c < 0) {
      this.#c = state.blockAt(x - 1, y - 1);
    }
    this.refA = this.#a < 0 ? -1 : (refs[this.#a] as number);
    this.refB = this.#b < 0 ? -1 : (refs[this.#b] as number);
    this.refC = this.#c < 0 ? -1 : (refs[this.#c] as number);
  }

  /** §8.4.1.3.1, after `findNeighbours`. */
  takeMedian(list: number, ref: number): void {
    const isA = this.refA === ref;
    const isB = this.refB === ref;
    const isC = this.refC === ref;
    if (this.#b < 0 && this.#c < 0 && this.#a >= 0) {
      this.#take(list, this.#a);
    } else if (isA && !isB && !isC) {
      this.#take(list, this.#a);
    } else if (!isA && isB && !isC) {
      this.#take(list, this.#b);
    } else if (!isA && !isB && isC) {
      this.#take(list, this.#c);
    } else {
      const vectors = this.#state.motion.vectors[list as 0 | 1];
      this.x = median(component(vectors, this.#a, 0), component(vectors, this.#b, 0), component(vectors, this.#c, 0));
      this.y = median(component(vectors, this.#a, 1), component(vectors, this.#b, 1), component(vectors, this.#c, 1));
    }
  }

  /** Stores the vector and reference of a part. */
  fill(list: number, ref: number, x: number, y: number, width: number, height: number): void {
    const { motion, origin, stride } = this.#state;
    const vectors = motion.vectors[list as 0 | 1];
    const refs = motion.refs[list as 0 | 1];
    for (let row = y; row < y + height; row += 1) {
      const first = origin + row * stride + x;
      for (let at = first; at < first + width; at += 1) {
        refs[at] = ref;
        vectors[2 * at] = this.x;
        vectors[2 * at + 1] = this.y;
      }
    }
  }

  /** Blocks of the macroblock that follow in decode order are not available, and none to its right. */
  #hasC(right: number, y: number, x: number): boolean {
    if (y === 0) {
      return true;
    }
    return right < 4 && (BLOCK_ORDER[4 * (y - 1) + right] as number) < (BLOCK_ORDER[4 * y + x] as number);
  }

  #take(list: number, block: number): void {
    const vectors = this.#state.motion.vectors[list as 0 | 1];
    this.x = component(vectors, block, 0);
    this.y = component(vectors, block, 1);
  }
}

const component = (vectors: Int16Array, block: number, axis: number): number =>
  block < 0 ? 0 : (vectors[2 * block + axis] as number);

const isZero = (vectors: Int16Array, block: number): boolean =>
  vectors[2 * block] === 0 && vectors[2 * block + 1] === 0;
