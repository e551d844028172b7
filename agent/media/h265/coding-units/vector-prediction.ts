import { SLICE_TYPE } from '../../payload/slice-reader.ts';
import type { H265SliceReader } from '../slice-reader.ts';
import type { PictureState } from './picture-state.ts';
import { KEPT_BITS, type ReferencePicture, type ReferencePictures, USES } from './reference-pictures.ts';
import { addVectors, scaleVector } from './vectors.ts';

/** PartMode, H.265 table 7-10. */
export const PART = { whole: 0, twoRows: 1, twoColumns: 2, four: 3, up: 4, down: 5, left: 6, right: 7 } as const;

const LIST_ENTRIES = 16;
const MAX_CANDIDATES = 5;
/** Pairs of candidates, from which combined ones take the vectors of list 0 and list 1: table 8-7. */
const PAIRS_0 = Uint8Array.of(0, 1, 0, 2, 1, 2, 0, 3, 1, 3, 2, 3);
const PAIRS_1 = Uint8Array.of(1, 0, 2, 0, 2, 1, 3, 0, 3, 1, 3, 2);
/** Places in `#near` of the blocks around a prediction block: A0 to B2 of H.265 figures 8-8 and 8-9. */
const [A0, A1, B0, B1, B2] = [0, 1, 2, 3, 4];

/** Vectors of prediction blocks, from their neighbours and from the collocated picture: H.265 §8.5.3.2. */
export class VectorPrediction {
  // The result: refIdxL0 + 1 and 256 × (refIdxL1 + 1), and the vectors of both lists.
  references = 0;
  vector0 = 0;
  vector1 = 0;
  readonly #state: PictureState;
  readonly #pictures: ReferencePictures;
  #isB = false;
  #counts: readonly [number, number] = [0, 0];
  #maxCandidates = 0;
  #parallelBits = 2;
  #collocated: ReferencePicture | undefined;
  #collocatedList = 0;
  // The prediction block.
  #x = 0;
  #y = 0;
  #width = 0;
  #height = 0;
  /** Part of each neighbour in the arrays of the state; -1: not available. */
  readonly #near = new Int32Array(5);
  // Merge candidates.
  readonly #references = new Uint16Array(MAX_CANDIDATES);
  readonly #vectors0 = new Int32Array(MAX_CANDIDATES);
  readonly #vectors1 = new Int32Array(MAX_CANDIDATES);
  #count = 0;
  /** Vector found by the last search. */
  #found = 0;

  constructor(state: PictureState, pictures: ReferencePictures) {
    this.#state = state;
    this.#pictures = pictures;
  }

  beginSlice(header: H265SliceReader, parallelBits: number): void {
    this.#isB = header.type === SLICE_TYPE.b;
    this.#counts = [header.counts[0] as number, header.counts[1] as number];
    this.#maxCandidates = header.maxMergeCandidates;
    this.#parallelBits = parallelBits;
    this.#collocatedList = header.collocatedList;
    const at = header.collocatedList * LIST_ENTRIES + header.collocatedIndex;
    this.#collocated = header.hasTemporalVectors ? this.#pictures.listed[at] : undefined;
  }

  /** A prediction block, or a coding block whose parts share their candidates. */
  begin(x: number, y: number, width: number, height: number): void {
    this.#x = x;
    this.#y = y;
    this.#width = width;
    this.#height = height;
    this.#near[A0] = this.#partAt(x - 1, y + height);
    this.#near[A1] = this.#partAt(x - 1, y + height - 1);
    this.#near[B0] = this.#partAt(x + width, y - 1);
    this.#near[B1] = this.#partAt(x + width - 1, y - 1);
    this.#near[B2] = this.#partAt(x - 1, y - 1);
  }

  /** A block that is not decoded yet has no motion, like one that is intra: availability needs no order of decoding. */
  #partAt(x: number, y: number): number {
    const state = this.#state;
    if (!state.isUsable(x, y)) {
      return -1;
    }
    const part = state.partAt(x, y);
    return state.references[part] === 0 ? -1 : part;
  }

  // ---- Merge mode, §8.5.3.2.2 to §8.5.3.2.5

  /** The motion of merge candidate `index`. */
  merge(index: number, mode: number, part: number): void {
    this.#count = 0;
    this.#addSpatial(mode, part);
    if (this.#count <= index) {
      this.#addTemporal();
    }
    if (this.#count <= index && this.#isB) {
      this.#addCombined(index);
    }
    if (this.#count <= index) {
      this.#addZero(index);
    }
    this.references = this.#references[index] as number;
    this.vector0 = this.#vectors0[index] as number;
    this.vector1 = this.#vectors1[index] as number;
  }

  #addSpatial(mode: number, part: number): void {
    const isSecond = part === 1;
    const besides = mode === PART.twoColumns || mode === PART.left || mode === PART.right;
    const below = mode === PART.twoRows || mode === PART.up || mode === PART.down;
    const [x, y, width, height] = [this.#x, this.#y, this.#width, this.#height];
    const a1 = isSecond && besides ? -1 : this.#outside(A1, x - 1, y + height - 1);
    const b1 = isSecond && below ? -1 : this.#outside(B1, x + width - 1, y - 1);
    const b0 = this.#outside(B0, x + width, y - 1);
    const a0 = this.#outside(A0, x - 1, y + height);
    const b2 = this.#outside(B2, x - 1, y - 1);
    this.#addPart(a1, -1, -1);
    this.#addPart(b1, a1, -1);
    this.#addPart(b0, b1, -1);
    this.#addPart(a0, a1, -1);
    if (this.#count < 4) {
      this.#addPart(b2, a1, b1);
    }
  }

  /** A neighbour, unless it is in the same area of parallel merging. */
  #outside(neighbour: number, x: number, y: number): number {
    const bits = this.#parallelBits;
    const isSame = x >> bits === this.#x >> bits && y >> bits === this.#y >> bits;
    return isSame ? -1 : (this.#near[neighbour] as number);
  }

  #addPart(part: number, other: number, another: number): void {
    if (part >= 0 && !this.#isEqual(part, other) && !this.#isEqual(part, another)) {
      const { references, vectors0, vectors1 } = this.#state;
      this.#add(references[part] as number, vectors0[part] as number, vectors1[part] as number);
    }
  }

  #isEqual(a: number, b: number): boolean {
    const { references, vectors0, vectors1 } = this.#state;
    return b >= 0 && references[a] === references[b] && vectors0[a] === vectors0[b] && vectors1[a] === vectors1[b];
  }

  #add(references: number, vector0: number, vector1: number): void {
    this.#references[this.#count] = references;
    this.#vectors0[this.#count] = vector0;
    this.#vectors1[this.#count] = vector1;
    this.#count += 1;
  }

  #addTemporal(): void {
    if (this.#count >= this.#maxCandidates) {
      return;
    }
    const has0 = this.#findTemporal(0, 0);
    const vector0 = has0 ? this.#found : 0;
    const has1 = this.#isB && this.#findTemporal(1, 0);
    if (has0 || has1) {
      this.#add((has0 ? 1 : 0) + (has1 ? 256 : 0), vector0, has1 ? this.#found : 0);
    }
  }

  #addCombined(index: number): void {
    const count = this.#count;
    const pairs = count * (count - 1);
    const { pocs } = this.#pictures;
    for (let i = 0; i < pairs && this.#count <= index; i += 1) {
      const [from0, from1] = [PAIRS_0[i] as number, PAIRS_1[i] as number];
      const reference0 = (this.#references[from0] as number) & 0xff;
      const reference1 = (this.#references[from1] as number) >> 8;
      const vector0 = this.#vectors0[from0] as number;
      const vector1 = this.#vectors1[from1] as number;
      if (reference0 === 0 || reference1 === 0) {
        continue;
      }
      if (pocs[reference0 - 1] !== pocs[LIST_ENTRIES + reference1 - 1] || vector0 !== vector1) {
        this.#add(reference0 + (reference1 << 8), vector0, vector1);
      }
    }
  }

  #addZero(index: number): void {
    const [count0, count1] = this.#counts;
    const count = this.#isB ? Math.min(count0, count1) : count0;
    for (let i = 0; this.#count <= index; i += 1) {
      const reference = i < count ? i + 1 : 1;
      this.#add(reference + (this.#isB ? reference << 8 : 0), 0, 0);
    }
  }

  // ---- Predictors of explicit vectors, §8.5.3.2.6 and §8.5.3.2.7

  /** The vector that a difference is added to. @param flag mvp_l0_flag or mvp_l1_flag */
  predict(list: 0 | 1, index: number, flag: number): number {
    const wanted = list * LIST_ENTRIES + index;
    const hasLeft = this.#near[A0] !== -1 || this.#near[A1] !== -1;
    let hasA = this.#findSame(A0, A1, list, wanted) || this.#findScaled(A0, A1, list, wanted);
    let a = this.#found;
    let hasB = this.#findSame(B0, B2, list, wanted);
    let b = this.#found;
    if (!hasLeft) {
      if (hasB) {
        hasA = true;
        a = b;
      }
      hasB = this.#findScaled(B0, B2, list, wanted);
      b = this.#found;
    }
    if (hasA && hasB && a === b) {
      hasB = false;
    }
    const known = (hasA ? 1 : 0) + (hasB ? 1 : 0);
    if (flag < known) {
      return flag === 0 && hasA ? a : b;
    }
    if (known < 2 && this.#findTemporal(list, index) && flag === known) {
      return this.#found;
    }
    return 0;
  }

  /** A vector of the neighbours that leads to the wanted picture. */
  #findSame(first: number, last: number, list: 0 | 1, wanted: number): boolean {
    const { pocs } = this.#pictures;
    const poc = pocs[wanted];
    for (let i = first; i <= last; i += 1) {
      const part = this.#near[i] as number;
      for (let turn = 0; part >= 0 && turn < 2; turn += 1) {
        const other = list ^ turn;
        const entry = this.#entryOf(part, other);
        if (entry >= 0 && pocs[entry] === poc) {
          this.#found = this.#vectorOf(part, other);
          return true;
        }
      }
    }
    return false;
  }

  /** Any vector of the neighbours, scaled to the distance of the wanted picture. */
  #findScaled(first: number, last: number, list: 0 | 1, wanted: number): boolean {
    const { pocs, areLongTerm, poc } = this.#pictures;
    for (let i = first; i <= last; i += 1) {
      const part = this.#near[i] as number;
      for (let turn = 0; part >= 0 && turn < 2; turn += 1) {
        const other = list ^ turn;
        const entry = this.#entryOf(part, other);
        if (entry >= 0 && areLongTerm[entry] === areLongTerm[wanted]) {
          const vector = this.#vectorOf(part, other);
          const isShortTerm = areLongTerm[wanted] === 0;
          const [from, to] = [poc - (pocs[entry] as number), poc - (pocs[wanted] as number)];
          this.#found = isShortTerm ? scaleVector(vector, from, to) : vector;
          return true;
        }
      }
    }
    return false;
  }

  /** Where the reference of a part is in the lists; -1: it has none in this one. */
  #entryOf(part: number, list: number): number {
    const references = this.#state.references[part] as number;
    const reference = list === 0 ? references & 0xff : references >> 8;
    return reference === 0 ? -1 : list * LIST_ENTRIES + reference - 1;
  }

  #vectorOf(part: number, list: number): number {
    return (list === 0 ? this.#state.vectors0[part] : this.#state.vectors1[part]) as number;
  }

  // ---- Temporal candidates, §8.5.3.2.8 and §8.5.3.2.9

  #findTemporal(list: 0 | 1, index: number): boolean {
    const picture = this.#collocated;
    if (!picture) {
      return false;
    }
    if (!picture.hasMotion) {
      // The blocks of that picture were not read: most likely nothing moved there.
      this.#found = 0;
      return true;
    }
    const state = this.#state;
    const [right, bottom] = [this.#x + this.#width, this.#y + this.#height];
    const isInRow = bottom >> state.unitBits === this.#y >> state.unitBits;
    if (isInRow && bottom < state.height && right < state.width && this.#from(picture, right, bottom, list, index)) {
      return true;
    }
    return this.#from(picture, this.#x + (this.#width >> 1), this.#y + (this.#height >> 1), list, index);
  }

  #from(picture: ReferencePicture, x: number, y: number, list: 0 | 1, index: number): boolean {
    const area = (y >> KEPT_BITS) * picture.columns + (x >> KEPT_BITS);
    const flags = picture.flags[area] as number;
    if ((flags & (USES.list0 | USES.list1)) === 0) {
      return false;
    }
    const { poc, pocs, areLongTerm, hasOnlyEarlier } = this.#pictures;
    let from1 = (flags & USES.list0) === 0;
    if (!from1 && (flags & USES.list1) !== 0) {
      // collocated_from_l0_flag is the number of the list here.
      from1 = hasOnlyEarlier ? list === 1 : this.#collocatedList === 0;
    }
    const vector = (from1 ? picture.vectors1[area] : picture.vectors0[area]) as number;
    const reference = (from1 ? picture.pocs1[area] : picture.pocs0[area]) as number;
    const isLongTerm = (flags & (from1 ? USES.longTerm1 : USES.longTerm0)) !== 0;
    const wanted = list * LIST_ENTRIES + index;
    if (isLongTerm !== (areLongTerm[wanted] === 1)) {
      return false;
    }
    const [distance, wantedDistance] = [picture.poc - reference, poc - (pocs[wanted] as number)];
    const isScaled = !isLongTerm && distance !== wantedDistance;
    this.#found = isScaled ? scaleVector(vector, distance, wantedDistance) : vector;
    return true;
  }

  // ---- The result

  set(references: number, vector0: number, vector1: number): void {
    this.references = references;
    this.vector0 = vector0;
    this.vector1 = vector1;
  }

  /** Blocks of 8x4 and 4x8 pixels have one vector only. */
  restrict(width: number, height: number): void {
    if (width + height === 12 && this.references > 0xff && (this.references & 0xff) !== 0) {
      this.references &= 0xff;
      this.vector1 = 0;
    }
  }

  /** Keeps the result for the blocks that follow, and for later pictures. */
  keep(x: number, y: number, width: number, height: number): void {
    const { references, vector0, vector1 } = this;
    this.#state.fillMotion(x, y, width, height, references, vector0, vector1);
    const { current, pocs, areLongTerm } = this.#pictures;
    const [entry0, entry1] = [(references & 0xff) - 1, LIST_ENTRIES + (references >> 8) - 1];
    const [has0, has1] = [entry0 >= 0, references > 0xff];
    const long0 = has0 && areLongTerm[entry0] === 1 ? USES.longTerm0 : 0;
    const long1 = has1 && areLongTerm[entry1] === 1 ? USES.longTerm1 : 0;
    const flags = (has0 ? USES.list0 : 0) | (has1 ? USES.list1 : 0) | long0 | long1;
    const last = Math.min(x + width, this.#state.width) - 1;
    const lastRow = Math.min(y + height, this.#state.height) - 1;
    // The motion of an area is that of its first pixel.
    for (let row = (y + 15) >> KEPT_BITS; row << KEPT_BITS <= lastRow; row += 1) {
      for (let column = (x + 15) >> KEPT_BITS; column << KEPT_BITS <= last; column += 1) {
        const area = row * current.columns + column;
        current.flags[area] = flags;
        current.vectors0[area] = vector0;
        current.vectors1[area] = vector1;
        current.pocs0[area] = has0 ? (pocs[entry0] as number) : 0;
        current.pocs1[area] = has1 ? (pocs[entry1] as number) : 0;
      }
    }
  }

  /** An explicit vector. */
  explicit(list: 0 | 1, index: number, flag: number, difference: number): number {
    return addVectors(this.predict(list, index, flag), difference);
  }
}
