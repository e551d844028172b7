import { SLICE_TYPE } from '../../payload/slice-reader.ts';
import type { H264SliceReader } from '../slice-reader.ts';
import type { PictureMotion } from './picture-state.ts';

const MAX_REFERENCES = 16;
/** modification_of_pic_nums_idc that ends the modifications of a list. */
const MODIFICATION_END = 3;

/** A frame in the decoded picture buffer. */
export class ReferencePicture {
  /** Counts the pictures of the stream. */
  number = -1;
  frameNum = 0;
  poc = 0;
  isLongTerm = false;
  /** LongTermFrameIdx. */
  longTermIndex = 0;
  /** Motion of the picture; undefined: it was not read, or is not needed. */
  motion: PictureMotion | undefined;
}

/** The reference frames of a stream and the lists of a slice: H.264 §8.2.1, §8.2.4, §8.2.5. Frames only. */
export class ReferencePictures {
  /** Reference lists 0 and 1 of the slice; an undefined entry: the stream does not have the picture. */
  readonly lists: readonly [(ReferencePicture | undefined)[], (ReferencePicture | undefined)[]] = [[], []];
  current = new ReferencePicture();
  #references: ReferencePicture[] = [];
  #count = 0;
  #prevFrameNum = 0;
  #frameNumOffset = 0;
  #prevPocMsb = 0;
  #prevPocLsb = 0;
  #wasReset = false;

  /** A picture begins with this slice. */
  begin(slice: H264SliceReader): void {
    const range = 2 ** slice.sps.frameNumBits;
    if (slice.isIdr) {
      this.#references = [];
      this.#prevFrameNum = 0;
      this.#frameNumOffset = 0;
      this.#prevPocMsb = 0;
      this.#prevPocLsb = 0;
    } else if (this.#wasReset) {
      this.#frameNumOffset = 0;
    }
    this.#fillGap(slice, range);
    if (slice.frameNum < this.#prevFrameNum) {
      this.#frameNumOffset += range;
    }
    const picture = new ReferencePicture();
    picture.number = this.#count;
    picture.frameNum = slice.frameNum;
    picture.poc = this.#pocOf(slice);
    this.#count += 1;
    this.current = picture;
  }

  keeps(motion: PictureMotion): boolean {
    return this.#references.some((picture) => picture.motion === motion);
  }

  /** Takes the motion from the oldest reference that has one. @returns undefined: none has one */
  forgetMotion(): PictureMotion | undefined {
    const picture = this.#references.find(({ motion }) => motion !== undefined);
    const motion = picture?.motion;
    if (picture) {
      picture.motion = undefined;
    }
    return motion;
  }

  /** Ends the picture that this slice belongs to. */
  end(slice: H264SliceReader): void {
    const picture = this.current;
    this.#wasReset = false;
    this.#prevFrameNum = slice.frameNum;
    if (!slice.isReference) {
      return;
    }
    if (slice.isIdr) {
      picture.isLongTerm = slice.isLongTerm;
      picture.longTermIndex = 0;
    } else if (slice.hasMarkings) {
      this.#mark(slice);
    } else {
      this.#slide(slice.sps.referenceFrames);
    }
    this.#references.push(picture);
    // A damaged stream marks fewer than it must.
    this.#slide(MAX_REFERENCES + 1);
  }

  /** Initialises and modifies the lists of a slice. */
  makeLists(slice: H264SliceReader): void {
    const [list0, list1] = this.lists;
    list0.length = 0;
    list1.length = 0;
    if (slice.type === SLICE_TYPE.i) {
      return;
    }
    const range = 2 ** slice.sps.frameNumBits;
    const short = this.#references.filter(({ isLongTerm }) => !isLongTerm);
    const long = this.#references.filter(({ isLongTerm }) => isLongTerm);
    long.sort((a, b) => a.longTermIndex - b.longTermIndex);
    if (slice.type === SLICE_TYPE.p) {
      short.sort((a, b) => numberOf(b, slice.frameNum, range) - numberOf(a, slice.frameNum, range));
      list0.push(...short, ...long);
    } else {
      const { poc } = this.current;
      const before = short.filter((picture) => picture.poc < poc).sort((a, b) => b.poc - a.poc);
      const after = short.filter((picture) => picture.poc >= poc).sort((a, b) => a.poc - b.poc);
      list0.push(...before, ...after, ...long);
      list1.push(...after, ...before, ...long);
      if (list1.length > 1 && list1.every((picture, i) => picture === list0[i])) {
        [list1[0], list1[1]] = [list1[1], list1[0]];
      }
      list1.length = slice.listEntries[1] as number;
      this.#modify(slice, 1, range);
    }
    list0.length = slice.listEntries[0] as number;
    this.#modify(slice, 0, range);
  }

  /** §8.2.4.3. */
  #modify(slice: H264SliceReader, index: 0 | 1, range: number): void {
    const list = this.lists[index];
    const modifications = slice.modifications[index] as Float64Array;
    let predicted = slice.frameNum;
    for (let i = 0; modifications[2 * i] !== MODIFICATION_END && i < list.length; i += 1) {
      const [kind, value] = [modifications[2 * i], modifications[2 * i + 1] as number];
      const isLongTerm = kind === 2;
      if (!isLongTerm) {
        predicted = (predicted + range + (kind === 0 ? -(value + 1) : value + 1)) % range;
      }
      const wanted = this.#references.find((one) =>
        isLongTerm ? one.isLongTerm && one.longTermIndex === value : !one.isLongTerm && one.frameNum === predicted,
      );
      // It moves to place i; the others follow in their order.
      let from = list.indexOf(wanted, i);
      from = from < 0 || wanted === undefined ? list.length - 1 : from;
      list.copyWithin(i + 1, i, from);
      list[i] = wanted;
    }
  }

  /** Frames that were lost, or left out, are references without content: §8.2.5.2. */
  #fillGap(slice: H264SliceReader, range: number): void {
    const prev = this.#prevFrameNum;
    const gap = (slice.frameNum - prev + range) % range;
    if (slice.isIdr || gap <= 1) {
      return;
    }
    for (let missing = Math.min(gap - 1, slice.sps.referenceFrames); missing > 0; missing -= 1) {
      this.#slide(slice.sps.referenceFrames);
      const picture = new ReferencePicture();
      picture.number = this.#count;
      picture.frameNum = (slice.frameNum - missing + range) % range;
      this.#count += 1;
      this.#references.push(picture);
    }
    this.#prevFrameNum = (slice.frameNum - 1 + range) % range;
    if (this.#prevFrameNum < prev) {
      this.#frameNumOffset += range;
    }
  }

  #pocOf(slice: H264SliceReader): number {
    if (slice.sps.pocType !== 0) {
      // Exact with type 2; type 1 has another step.
      return 2 * (this.#frameNumOffset + slice.frameNum) - (slice.isReference ? 0 : 1);
    }
    const range = 2 ** slice.sps.pocLsbBits;
    let msb = this.#prevPocMsb;
    if (slice.pocLsb < this.#prevPocLsb && this.#prevPocLsb - slice.pocLsb >= range / 2) {
      msb += range;
    } else if (slice.pocLsb > this.#prevPocLsb && slice.pocLsb - this.#prevPocLsb > range / 2) {
      msb -= range;
    }
    if (slice.isReference) {
      this.#prevPocMsb = msb;
      this.#prevPocLsb = slice.pocLsb;
    }
    return msb + slice.pocLsb + slice.pocDelta;
  }

  /** Sliding window, §8.2.5.3: makes room for one more among `most`. */
  #slide(most: number): void {
    while (this.#references.length >= Math.max(most, 1)) {
      let oldest = -1;
      for (const [i, { isLongTerm, number }] of this.#references.entries()) {
        const best = this.#references[oldest];
        if (!isLongTerm && (!best || number < best.number)) {
          oldest = i;
        }
      }
      this.#references.splice(Math.max(oldest, 0), 1);
    }
  }

  /** §8.2.5.4. */
  #mark(slice: H264SliceReader): void {
    const { markings } = slice;
    const range = 2 ** slice.sps.frameNumBits;
    for (let at = 0; markings[at] !== 0; at += 3) {
      const [operation, first, second] = [markings[at], markings[at + 1] as number, markings[at + 2] as number];
      const frameNum = (slice.frameNum - (first + 1) + 2 * range) % range;
      const isShort = (one: ReferencePicture) => !one.isLongTerm && one.frameNum === frameNum;
      if (operation === 1) {
        this.#drop(isShort);
      } else if (operation === 2) {
        this.#drop((one) => one.isLongTerm && one.longTermIndex === first);
      } else if (operation === 3) {
        this.#drop((one) => one.isLongTerm && one.longTermIndex === second);
        const picture = this.#references.find(isShort);
        if (picture) {
          picture.isLongTerm = true;
          picture.longTermIndex = second;
        }
      } else if (operation === 4) {
        this.#drop((one) => one.isLongTerm && one.longTermIndex >= first);
      } else if (operation === 5) {
        this.#references = [];
        this.#wasReset = true;
        this.#prevFrameNum = 0;
        this.#prevPocMsb = 0;
        this.#prevPocLsb = 0;
        this.current.frameNum = 0;
        this.current.poc = 0;
      } else {
        this.#drop((one) => one.isLongTerm && one.longTermIndex === first);
        this.current.isLongTerm = true;
        this.current.longTermIndex = first;
      }
    }
  }

  #drop(isMeant: (one: ReferencePicture) => boolean): void {
    this.#references = this.#references.filter((one) => !isMeant(one));
  }
}

/** PicNum of a short-term frame. */
const numberOf = ({ frameNum }: ReferencePicture, current: number, range: number): number =>
  frameNum > current ? frameNum - range : frameNum;
