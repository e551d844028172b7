import type { PictureOrder } from '../payload/decode-times.ts';
import { type FrameRules, IN_ORDER, withHeader } from '../payload/frame-assembler.ts';
import { findStartCode, isSame } from '../payload/nal.ts';
import type { MpegVideoTrack } from '../sample/track.ts';
import { mpegVideoTrack, parseSequence, START } from './params.ts';

const INTRA = 1;
/** temporal_reference has ten bits. */
const REFERENCE_RANGE = 1_024;

/** MPEG-1 and MPEG-2 video for the assembly of units: sequence headers, kind and order of pictures (ISO/IEC 13818-2 §6.2.2, §6.2.3). */
export class MpegVideoRules implements FrameRules {
  isKey = false;
  order: number | undefined;
  track: MpegVideoTrack | undefined;
  pictureOrder: PictureOrder = IN_ORDER;
  #hasSequence = false;
  /** temporal_reference of the last picture. */
  #reference = 0;
  #wraps = 0;

  /** Ticks between frames, 90 kHz, or undefined if not signalled. */
  get frameTicks(): number | undefined {
    return this.pictureOrder.frameTicks;
  }

  /** Reads up to the first picture: a second one is the other field of the same frame. */
  read(data: Uint8Array, start: number, end: number): boolean {
    this.#hasSequence = false;
    let sequence = -1;
    for (let code = findStartCode(data, start, end); code >= 0; code = findStartCode(data, code + 3, end)) {
      const type = code + 3 < end ? (data[code + 3] as number) : START.lastSlice;
      if (sequence >= 0 && type !== START.extension) {
        this.#takeSequence(data, sequence, code);
        sequence = -1;
      }
      if (type === START.sequence) {
        this.#hasSequence = true;
        sequence = code;
      } else if (type === START.group) {
        this.#wraps = 0;
        this.#reference = 0;
      } else if (type === START.picture && code + 6 <= end) {
        this.#readPicture(data, code + 4);
        return true;
      }
    }
    return false;
  }

  /** A reader that joins here needs the sequence header in the sample itself; senders may send it once. */
  complete(unit: Uint8Array): Uint8Array {
    if (!this.isKey || this.#hasSequence || !this.track) {
      return unit;
    }
    return withHeader(this.track.config, unit);
  }

  #takeSequence(data: Uint8Array, start: number, end: number): void {
    if (isSame(this.track?.config, data, start, end)) {
      return;
    }
    const config = data.slice(start, end);
    const { fps, isLowDelay } = parseSequence(config);
    this.track = mpegVideoTrack(config);
    const frameTicks = fps && Math.round(90_000 / fps);
    this.pictureOrder = isLowDelay ? { ...IN_ORDER, frameTicks } : { maxReorderFrames: 1, pocStep: 1, frameTicks };
  }

  /** temporal_reference (10), which counts on without groups; picture_coding_type (3). */
  #readPicture(data: Uint8Array, at: number): void {
    const reference = referenceAt(data, at);
    if (this.#reference - reference > REFERENCE_RANGE / 2) {
      this.#wraps += 1;
    }
    this.#reference = reference;
    this.isKey = (((data[at + 1] as number) >> 3) & 7) === INTRA;
    this.order = this.#wraps * REFERENCE_RANGE + reference;
  }
}

/** temporal_reference of the picture header whose body is at `at`. */
export const referenceAt = (data: Uint8Array, at: number): number =>
  ((data[at] as number) << 2) | ((data[at + 1] as number) >> 6);
