import type { SampleBuffer } from '../sample/sample-buffer.ts';
import { release } from '../sample/slab.ts';
import type { UnitSink } from './depacketizer.ts';

/** Capacity of a decoder's picture buffer: H.264 §A.3.1, H.265 §A.4.2. */
const MAX_REORDER_FRAMES = 16;
/** A larger step back is a clock that was set: time restarts. 90 kHz. */
const JUMP_TICKS = 10 * 90_000;
const DEFAULT_FRAME_TICKS = 3000;

/** The order of pictures by the SPS. */
export interface PictureOrder {
  /** Frames that may precede a frame in decoding order and follow it in output order, or undefined if not signalled. */
  readonly maxReorderFrames: number | undefined;
  /** Usual distance of picture order counts of neighbouring frames: 2 in H.264, 1 in H.265. */
  readonly pocStep: number;
  /** Duration of a frame, 90 kHz, or undefined if not signalled. */
  readonly frameTicks: number | undefined;
}

/** The times of pictures in decoding order. */
export interface UnitTimes {
  /** Presentation and decode time of the last unit. */
  readonly pts: number;
  readonly dts: number;
  configure(order: PictureOrder): void;
  /** After a loss: the next frame is a key frame. */
  restart(): void;
  /** @returns false: the frame is too late; decoding continues at the next key frame */
  next(pts: number, poc: number | undefined, startsOrder: boolean): boolean;
  /** Whether only the next frame shows if this one precedes frames with smaller counts. Absent: never. */
  isUndecided?(poc: number | undefined, startsOrder: boolean): boolean;
  /** The frame after an undecided one; its count is undefined if unknown. */
  decide?(undecidedPoc: number, poc: number | undefined, startsOrder: boolean): void;
}

/** Picture order counts of a group. They show how many frames a decoder holds. */
class OrderCounts {
  /** The largest one of the group. */
  max = 0;
  /** Distance of neighbours. */
  #step = 1;
  #isStepKnown = false;
  /** Waiting for smaller ones, ascending. */
  readonly #held: number[] = [];
  #next = 0;
  #base = 0;
  /** Of all distances of the group. */
  #divisor = 0;

  configure(step: number): void {
    this.#step = step;
    this.#isStepKnown = false;
  }

  startGroup(poc: number | undefined): void {
    this.#held.length = 0;
    this.#base = poc ?? 0;
    this.max = this.#base;
    this.#next = this.#base;
    this.#divisor = 0;
  }

  /** The group was not reordered, so its distances are those of neighbours. */
  takeDivisor(): void {
    this.#step = this.#divisor > 0 ? this.#divisor : this.#step;
  }

  isUndecided(poc: number): boolean {
    if (!this.#isStepKnown) {
      const distance = poc - this.max;
      this.#isStepKnown = distance <= greatestDivisor(this.#step, Math.abs(distance));
    }
    return !this.#isStepKnown;
  }

  decide(undecidedPoc: number, poc: number | undefined, startsOrder: boolean): void {
    this.#isStepKnown = true;
    const distance = undecidedPoc - this.max;
    if (startsOrder) {
      this.#step = distance;
    } else if (poc !== undefined && poc > undecidedPoc) {
      this.#step = greatestDivisor(distance, poc - undecidedPoc);
    }
    this.#next = this.max + this.#step;
  }

  /** @returns frames that wait for smaller counts: the reordering is at least as deep */
  push(poc: number, limit: number): number {
    const distance = Math.abs(poc - this.#base);
    this.#divisor = greatestDivisor(this.#divisor, distance);
    if (distance % this.#step !== 0) {
      this.#step = greatestDivisor(this.#step, distance);
    }
    this.max = Math.max(this.max, poc);
    const held = this.#held;
    if (poc >= this.#next) {
      insertAscending(held, poc);
    }
    while (held.length > 0 && (held[0] === this.#next || held.length > limit)) {
      this.#next = (held.shift() as number) + this.#step;
    }
    return held.length;
  }
}

/**
 * Decode times from presentation times and picture order counts. RTP carries presentation times only; MP4 needs both.
 *
 * With a reorder depth of D frames, the n-th frame's decode time is the (n-D)-th smallest presentation time.
 * D is not what the SPS allows (cameras without B-frames allow some) but what the picture order counts show:
 * a frame whose count skips others will be held by the decoder until these have come. So D is known at the first
 * P-frame that has B-frames before it, early enough for their times, and stays 0 for streams without B-frames: dts = pts, no delay.
 * Counts may also grow by more than usual without B-frames (by 6 or 18). So the first frame that skips counts waits for the next one:
 * a smaller count proves reordering, a larger one that this is the step.
 */
export class DecodeTimes implements UnitTimes {
  /** Presentation and decode time of the last unit; `pts` differs from the input only if a camera repeats a timestamp. */
  pts = 0;
  dts = 0;
  #limit = MAX_REORDER_FRAMES;
  readonly #counts = new OrderCounts();
  #frameTicks = DEFAULT_FRAME_TICKS;
  #depth = 0;
  /** Deepest reordering seen. */
  #seenDepth = 0;
  #lastDts = Number.NEGATIVE_INFINITY;
  #newestPts = 0;
  #isFresh = true;
  /** Presentation times not yet used as decode times, ascending. */
  readonly #window: number[] = [];
  /** Presentation times of the last frames in decoding order. */
  readonly #recent: number[] = [];

  configure(order: PictureOrder): void {
    this.#limit = Math.min(order.maxReorderFrames ?? MAX_REORDER_FRAMES, MAX_REORDER_FRAMES);
    this.#counts.configure(order.pocStep);
    this.#frameTicks = order.frameTicks ?? DEFAULT_FRAME_TICKS;
    this.#depth = Math.min(this.#depth, this.#limit);
  }

  /** After a loss: the next frame is a key frame. */
  restart(): void {
    this.#isFresh = true;
  }

  /**
   * @param poc picture order count, or undefined if unknown
   * @param startsOrder picture order counts restart here
   * @returns false: reordering is deeper than known, and the frame is too late; decoding continues at the next key frame
   */
  next(pts: number, poc: number | undefined, startsOrder: boolean): boolean {
    if (this.#limit === 0) {
      return this.#assign(pts, pts, false);
    }
    if (this.#isFresh || Math.abs(pts - this.#newestPts) > JUMP_TICKS) {
      this.#startAt(pts, poc);
    } else if (startsOrder) {
      this.#endGroup(poc);
    }
    const isLate = poc === undefined ? pts < this.#newestPts : poc < this.#counts.max;
    if (poc !== undefined) {
      this.#depth = Math.max(this.#depth, this.#counts.push(poc, this.#limit));
    }
    const overtaken = isLate ? this.#countOvertaken(pts) : 0;
    this.#seenDepth = Math.max(this.#seenDepth, Math.min(overtaken, this.#limit));
    this.#remember(pts);

    let dts = this.#lastDts + 1;
    while (this.#window.length > this.#depth) {
      dts = Math.max(dts, this.#window.shift() as number);
    }
    const isInTime = this.#assign(pts, dts, isLate);
    if (!isInTime) {
      this.#depth = Math.min(Math.max(this.#depth + 1, overtaken), this.#limit);
    }
    return isInTime;
  }

  isUndecided(poc: number | undefined, startsOrder: boolean): boolean {
    const isOpen = this.#limit > 0 && !this.#isFresh && !startsOrder && poc !== undefined;
    return isOpen && this.#counts.isUndecided(poc);
  }

  decide(undecidedPoc: number, poc: number | undefined, startsOrder: boolean): void {
    this.#counts.decide(undecidedPoc, poc, startsOrder);
  }

  #assign(pts: number, dts: number, isLate: boolean): boolean {
    if (this.#lastDts - pts > JUMP_TICKS) {
      // Passed on unchanged: `Timeline` also restarts at the jump.
      this.#lastDts = Number.NEGATIVE_INFINITY;
    }
    const decode = Math.max(dts, this.#lastDts + 1);
    if (decode > pts && isLate) {
      return false;
    }
    // Some cameras repeat a timestamp, or step back slightly.
    this.pts = Math.max(pts, decode);
    this.dts = decode;
    this.#lastDts = decode;
    return true;
  }

  #startAt(pts: number, poc: number | undefined): void {
    this.#isFresh = false;
    this.#recent.length = 0;
    this.#window.length = 0;
    for (let frames = this.#depth; frames > 0; frames -= 1) {
      this.#window.push(pts - frames * this.#frameTicks);
    }
    if (pts < this.#newestPts - JUMP_TICKS) {
      this.#lastDts = Number.NEGATIVE_INFINITY;
    }
    this.#newestPts = pts;
    this.#counts.startGroup(poc);
  }

  /** After a whole group, reordering that was predicted but not seen is dropped. */
  #endGroup(poc: number | undefined): void {
    if (this.#seenDepth === 0) {
      this.#counts.takeDivisor();
    }
    this.#depth = Math.min(this.#depth, this.#seenDepth);
    this.#counts.startGroup(poc);
  }

  #countOvertaken(pts: number): number {
    let count = 0;
    for (let i = 0; i < this.#recent.length; i += 1) {
      count += (this.#recent[i] as number) > pts ? 1 : 0;
    }
    return count;
  }

  #remember(pts: number): void {
    if (this.#recent.length === MAX_REORDER_FRAMES) {
      this.#recent.shift();
    }
    this.#recent.push(pts);
    this.#newestPts = Math.max(this.#newestPts, pts);
    insertAscending(this.#window, pts);
  }
}

interface UndecidedUnit {
  readonly ticks: number;
  readonly poc: number;
  readonly key: boolean;
  readonly data: Uint8Array;
}

/** Passes on whole units with their times. One whose decode time depends on the next unit waits for it, once in a stream. */
export class TimedUnits {
  readonly #sink: UnitSink;
  readonly #times: UnitTimes;
  #undecided: UndecidedUnit | undefined;

  constructor(sink: UnitSink, times: UnitTimes) {
    this.#sink = sink;
    this.#times = times;
  }

  /** Ends the wait. @param poc of the next unit, or undefined if it is missing */
  decide(poc: number | undefined, startsOrder: boolean): void {
    const unit = this.#undecided;
    if (!unit) {
      return;
    }
    this.#undecided = undefined;
    const times = this.#times;
    times.decide?.(unit.poc, poc, startsOrder);
    if (times.next(unit.ticks, unit.poc, false)) {
      this.#sink.onUnit(times.pts, times.dts, unit.key, unit.data);
    } else {
      release(unit.data);
    }
  }

  /** @param buffer holds the unit; @returns false: the unit is too late */
  push(ticks: number, poc: number | undefined, startsOrder: boolean, key: boolean, buffer: SampleBuffer): boolean {
    const times = this.#times;
    if (poc !== undefined && times.isUndecided?.(poc, startsOrder) === true) {
      this.#undecided = { ticks, poc, key, data: buffer.take() };
      return true;
    }
    if (!times.next(ticks, poc, startsOrder)) {
      return false;
    }
    this.#sink.onUnit(times.pts, times.dts, key, buffer.take());
    return true;
  }
}

function insertAscending(list: number[], value: number): void {
  let at = list.length;
  while (at > 0 && (list[at - 1] as number) > value) {
    at -= 1;
  }
  list.splice(at, 0, value);
}

function greatestDivisor(a: number, b: number): number {
  let [large, small] = [a, b];
  while (small > 0) {
    [large, small] = [small, large % small];
  }
  return large;
}
