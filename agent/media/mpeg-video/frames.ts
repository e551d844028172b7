import type { UnitTimes } from '../payload/decode-times.ts';
import type { UnitSink } from '../payload/depacketizer.ts';
import { FrameAssembler } from '../payload/frame-assembler.ts';
import { findStartCode } from '../payload/nal.ts';
import { START } from './params.ts';
import { MpegVideoRules, referenceAt } from './rules.ts';

const DEFAULT_FRAME_TICKS = 3_003;
/** One second. */
const MAX_FRAME_TICKS = 90_000;
/** Largest step of temporal_reference by B-pictures between two others. */
const MAX_STEP = 4;

/** Cuts pieces of an elementary stream of MPEG-1 or MPEG-2 video into frames. A frame and its headers begin at the start of a piece. */
export class MpegVideoFrames {
  readonly #units: FrameAssembler;
  readonly #rules = new MpegVideoRules();
  /** Time of the last piece that began with a frame, and time of its last frame. */
  #pieceTicks = Number.NaN;
  #shown = Number.NaN;

  /** @param times decode times, where the container has them */
  constructor(sink: UnitSink, times?: UnitTimes, isFile = false) {
    this.#units = new FrameAssembler(this.#rules, sink, times, isFile);
  }

  /** @param marker the piece ends its frame @param gap bytes are missing before it */
  push(data: Uint8Array, start: number, end: number, ticks: number, marker: boolean, gap: boolean): void {
    const units = this.#units;
    if (gap) {
      units.gap();
    }
    if (start < end) {
      const isStart = beginsFrame(data, start, end);
      // GStreamer's rtpmpvpay: small frames share the packets of the next one, with the time of the first.
      units.begin(!isStart && ticks === this.#pieceTicks ? this.#shown : ticks, isStart);
      units.append(data, isStart ? this.#takeWhole(data, start, end, ticks) : start, end);
    }
    if (marker) {
      units.marker();
    }
  }

  /** Delivers all frames of the piece but the last. @returns the offset of the last */
  #takeWhole(data: Uint8Array, start: number, end: number, ticks: number): number {
    let at = start;
    let shown = ticks;
    for (let next = endOfFrame(data, at, end); next >= 0; next = endOfFrame(data, at, end)) {
      const beginsGroup = data[next + 3] !== START.picture;
      const step = beginsGroup ? 1 : stepOf(pictureAfter(data, next, end) - pictureAfter(data, at, end));
      this.#units.append(data, at, next);
      this.#units.end();
      shown += step * Math.min(this.#rules.frameTicks ?? DEFAULT_FRAME_TICKS, MAX_FRAME_TICKS);
      this.#units.begin(shown, true);
      at = next;
    }
    this.#pieceTicks = ticks;
    this.#shown = shown;
    return at;
  }
}

/** Frames from one to the next in a piece, by the difference of temporal_reference; a difference above MAX_STEP is a wrap or damage. */
const stepOf = (references: number): number => (Math.abs(references) > MAX_STEP ? 1 : references || 1);

/** Whether a piece begins with the headers of a picture. */
function beginsFrame(data: Uint8Array, start: number, end: number): boolean {
  const isCode = end - start > 3 && data[start] === 0 && data[start + 1] === 0 && data[start + 2] === 1;
  const type = data[start + 3] as number;
  return isCode && (type === START.picture || type === START.sequence || type === START.group);
}

/** Where the second frame begins with its headers; -1: there is one at most. Both fields of a frame have the same temporal_reference. */
function endOfFrame(data: Uint8Array, start: number, end: number): number {
  let reference = -1;
  let headers = -1;
  for (let code = findStartCode(data, start, end); code >= 0; code = findStartCode(data, code + 3, end)) {
    const type = code + 3 < end ? (data[code + 3] as number) : START.lastSlice;
    if (type >= START.slice && type <= START.lastSlice) {
      headers = -1;
    } else if (reference >= 0 && (type === START.sequence || type === START.group)) {
      headers = headers < 0 ? code : headers;
    } else if (type === START.picture && code + 6 <= end) {
      const other = referenceAt(data, code + 4);
      if (reference >= 0 && (other !== reference || headers >= 0)) {
        return headers < 0 ? code : headers;
      }
      reference = other;
    }
  }
  return -1;
}

/** temporal_reference of the first picture from `start` on. */
function pictureAfter(data: Uint8Array, start: number, end: number): number {
  for (let code = findStartCode(data, start, end); code >= 0; code = findStartCode(data, code + 3, end)) {
    if (data[code + 3] === START.picture && code + 6 <= end) {
      return referenceAt(data, code + 4);
    }
  }
  return 0;
}
