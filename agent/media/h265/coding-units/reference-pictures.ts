import { SLICE_TYPE } from '../../payload/slice-reader.ts';
import type { H265SliceReader } from '../slice-reader.ts';

const RADL_N = 6;
const RASL_R = 9;
const RSV_VCL_R15 = 15;
const BLA_W_LP = 16;
const IDR_N_LP = 20;
const RSV_IRAP_23 = 23;
/** sps_max_dec_pic_buffering_minus1 + 1 at most, without the current picture: H.265 §A.4.2. */
const MAX_REFERENCES = 16;
const LIST_ENTRIES = 16;

/** Bits of `ReferencePicture.flags`. */
export const USES = { list0: 1, list1: 2, longTerm0: 4, longTerm1: 8 } as const;
/** Log2 of the side of the areas that keep one motion each for later pictures. */
export const KEPT_BITS = 4;

/** A picture that later ones refer to: its order count, and its motion in areas of 16x16 pixels. */
export class ReferencePicture {
  poc = 0;
  isLongTerm = false;
  /** Its coding units were read. */
  hasMotion = false;
  isKept = false;
  readonly columns: number;
  /** By area; see `USES`. 0: intra. */
  readonly flags: Uint8Array;
  readonly vectors0: Int32Array;
  readonly vectors1: Int32Array;
  /** Order counts of the pictures that the vectors lead to. */
  readonly pocs0: Int32Array;
  readonly pocs1: Int32Array;

  constructor(width: number, height: number) {
    this.columns = (width + 15) >> KEPT_BITS;
    const count = this.columns * ((height + 15) >> KEPT_BITS);
    this.flags = new Uint8Array(count);
    this.vectors0 = new Int32Array(count);
    this.vectors1 = new Int32Array(count);
    this.pocs0 = new Int32Array(count);
    this.pocs1 = new Int32Array(count);
  }
}

/** The reference pictures of the current picture, and the lists of its slices: H.265 §8.3.1, §8.3.2 and §8.3.4. */
export class ReferencePictures {
  poc = 0;
  current: ReferencePicture;
  // Lists of the slice: 16 entries for each.
  readonly pocs = new Int32Array(2 * LIST_ENTRIES);
  readonly areLongTerm = new Uint8Array(2 * LIST_ENTRIES);
  readonly listed: ReferencePicture[];
  /** No picture of the lists is shown after the current one. */
  hasOnlyEarlier = false;
  readonly #width: number;
  readonly #height: number;
  readonly #pocRange: number;
  #pictures: ReferencePicture[] = [];
  readonly #free: ReferencePicture[] = [];
  readonly #before: ReferencePicture[] = [];
  readonly #after: ReferencePicture[] = [];
  readonly #longTerm: ReferencePicture[] = [];
  #prevLsb = 0;
  #prevMsb = 0;
  #isFirst = true;

  constructor(width: number, height: number, pocLsbBits: number) {
    this.#width = width;
    this.#height = height;
    this.#pocRange = 2 ** pocLsbBits;
    this.current = new ReferencePicture(width, height);
    this.listed = new Array(2 * LIST_ENTRIES).fill(this.current);
  }

  /** Pictures in the buffer, with the current one. */
  get size(): number {
    return this.#pictures.length;
  }

  /** A picture begins. @param header of its first slice */
  begin(header: H265SliceReader): void {
    this.#countPoc(header);
    for (const picture of this.#pictures) {
      picture.isKept = false;
    }
    this.#before.length = 0;
    this.#after.length = 0;
    this.#longTerm.length = 0;
    if (header.nalType < BLA_W_LP || header.nalType > IDR_N_LP) {
      this.#findLongTerm(header);
      this.#findShortTerm(header);
    }
    this.#release();
    const current = this.#free.pop() ?? new ReferencePicture(this.#width, this.#height);
    current.poc = this.poc;
    current.isLongTerm = false;
    current.hasMotion = false;
    current.flags.fill(0);
    this.current = current;
    this.#pictures.push(current);
  }

  /** @returns false: the slice refers to pictures, but its header names none */
  beginSlice(header: H265SliceReader): boolean {
    if (header.type === SLICE_TYPE.i) {
      return true;
    }
    const total = this.#before.length + this.#after.length + this.#longTerm.length;
    if (total === 0) {
      return false;
    }
    this.hasOnlyEarlier = true;
    for (let list = 0; list < 2; list += 1) {
      const count = header.counts[list] as number;
      for (let i = 0; i < count; i += 1) {
        const at = list * LIST_ENTRIES + i;
        const index = header.isModified[list] === 1 ? (header.modifications[at] as number) : i;
        const picture = this.#initial(list, index % total);
        this.listed[at] = picture;
        this.pocs[at] = picture.poc;
        this.areLongTerm[at] = picture.isLongTerm ? 1 : 0;
        this.hasOnlyEarlier &&= picture.poc <= this.poc;
      }
    }
    return true;
  }

  /** Entry of a list before its modification. */
  #initial(list: number, index: number): ReferencePicture {
    const [first, second] = list === 0 ? [this.#before, this.#after] : [this.#after, this.#before];
    const found = first[index] ?? second[index - first.length] ?? this.#longTerm[index - first.length - second.length];
    return found ?? this.current;
  }

  #countPoc({ nalType, temporalId, pocLsb }: H265SliceReader): void {
    const restarts = this.#isFirst || (nalType >= BLA_W_LP && nalType <= IDR_N_LP);
    const range = this.#pocRange;
    let msb = restarts && nalType >= BLA_W_LP && nalType <= RSV_IRAP_23 ? 0 : this.#prevMsb;
    if (!restarts && pocLsb < this.#prevLsb && this.#prevLsb - pocLsb >= range / 2) {
      msb += range;
    } else if (!restarts && pocLsb > this.#prevLsb && pocLsb - this.#prevLsb > range / 2) {
      msb -= range;
    }
    this.#isFirst = false;
    const isLeading = nalType >= RADL_N && nalType <= RASL_R;
    const isUnreferenced = nalType < RSV_VCL_R15 && nalType % 2 === 0;
    if (temporalId === 0 && !isLeading && !isUnreferenced) {
      this.#prevMsb = msb;
      this.#prevLsb = pocLsb;
    }
    // Damaged streams count on without an end.
    this.poc = (msb + pocLsb) | 0;
  }

  #findShortTerm(header: H265SliceReader): void {
    for (const { distance, isUsed } of header.shortTerm) {
      const picture = this.#find((this.poc + distance) | 0, -1) ?? this.#missing(this.poc + distance);
      if (picture) {
        picture.isKept = true;
        if (isUsed) {
          (distance < 0 ? this.#before : this.#after).push(picture);
        }
      }
    }
  }

  #findLongTerm(header: H265SliceReader): void {
    const mask = this.#pocRange - 1;
    for (let i = 0; i < header.longTermCount; i += 1) {
      const lsb = header.longTermLsbs[i] as number;
      const hasMsb = header.longTermHasMsb[i] === 1;
      const cycles = header.longTermCycles[i] as number;
      const whole = (this.poc - (this.poc & mask) - cycles * this.#pocRange + lsb) | 0;
      const poc = hasMsb ? whole : lsb;
      const picture = this.#find(poc, hasMsb ? -1 : mask) ?? this.#missing(poc);
      if (picture) {
        picture.isKept = true;
        picture.isLongTerm = true;
        if (header.longTermIsUsed[i] === 1) {
          this.#longTerm.push(picture);
        }
      }
    }
  }

  #find(poc: number, mask: number): ReferencePicture | undefined {
    for (const picture of this.#pictures) {
      if (((picture.poc ^ poc) & mask) === 0) {
        return picture;
      }
    }
    return undefined;
  }

  /** A picture that was lost: only its order count is known. */
  #missing(poc: number): ReferencePicture | undefined {
    if (this.#pictures.length > 2 * MAX_REFERENCES) {
      return undefined;
    }
    const picture = this.#free.pop() ?? new ReferencePicture(this.#width, this.#height);
    picture.poc = poc | 0;
    picture.isLongTerm = false;
    picture.hasMotion = false;
    this.#pictures.push(picture);
    return picture;
  }

  #release(): void {
    const kept: ReferencePicture[] = [];
    for (const picture of this.#pictures) {
      (picture.isKept && kept.length < MAX_REFERENCES ? kept : this.#free).push(picture);
    }
    this.#pictures = kept;
    this.#free.length = Math.min(this.#free.length, MAX_REFERENCES);
  }
}
