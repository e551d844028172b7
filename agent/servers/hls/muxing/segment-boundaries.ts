import type { Sample } from '../../../media/sample/sample.ts';

interface SegmentBoundariesOptions {
  /** Of the leading track, whose samples decide. */
  readonly clockRate: number;
  readonly segmentDurationMs: number;
  /** That is known of the stream; 0: nothing is. */
  longestGroupMs(): number;
}

/**
 * What is done before a sample is taken. `wait`: it is not taken, because nothing begins with it; `add`: nothing; `cut`: the segment
 * ends before it; `cutBefore`: the segment ends before the sample that came last, which was longer than expected, and the same sample is
 * asked for again; `break`: the segment ends, and the next one is discontinuous.
 */
export type Step = 'wait' | 'add' | 'cut' | 'cutBefore' | 'break';

/** Cameras' key frames tremble: one that comes a little early still ends its segment. */
const EARLY_KEY_MS = 20;
/** Segments that tremble by so much need no longer target. */
const SPARE_S = 0.05;
/** EXTINF is rounded before it is compared with the target (RFC 8216bis §4.4.3.1); audio may end a few samples later. */
const ROUNDED_AWAY_S = 0.44;
/** A group or a pause beyond this does not become one segment. */
const MAX_TARGET_S = 30;
/** Pictures that come seldom tremble: a target that has to rise takes in those that are so much longer. */
const RISE = 1.25;

/**
 * Where segments end, and the target duration that they keep to. A segment ends before a key sample once it is long enough; in the
 * group that is running when a viewer comes, before any sample: it would wait for the rest of it otherwise, and hls.js takes no parts while
 * whole segments are far from the end. The target is fixed with the first segment where the length of groups is known; where it is not, it
 * may rise once, with the first whole group. A group that is longer all the same is cut where it reaches the target.
 *
 * Samples further apart than a segment may be long are a pause, behind which the stream restarts with the next key sample. The second in a row
 * is none: the camera has become slow, in the dark for example, and each of its pictures would be such a beginning, or lost where it is no
 * key picture. RFC 8216bis §6.2.1 wants one target for ever; players read it again with each playlist and tolerate a rise (they reload less often)
 * better than that or a segment longer than announced. It never falls: what is listed would be too long.
 */
export class SegmentBoundaries {
  readonly #options: SegmentBoundariesOptions;
  #targetS: number;
  #isSettled = false;
  #hasStarted = false;
  #isFirstSegment = true;
  #isFirstGroup = true;
  /** The segment began with a key sample. */
  #isIndependent = true;
  #startDts = 0;
  #groupDts = 0;
  #lastDts = 0;
  #longestS = MAX_TARGET_S;
  /** Of the last sample that was offered, taken or not. */
  #heardDts = Number.NEGATIVE_INFINITY;
  #wasPause = false;

  constructor(options: SegmentBoundariesOptions) {
    this.#options = options;
    this.#targetS = targetOf(options.segmentDurationMs / 1000);
  }

  /** EXT-X-TARGETDURATION: meaningless before the first segment has ended. */
  get targetDurationS(): number {
    return this.#targetS;
  }

  /**
   * To be asked for every sample of the leading track.
   * @param wantsCut the next key sample ends the segment, however short
   * @param isReplay it is one of those that the stream has kept: they are one segment
   */
  stepBefore({ key, dts }: Sample, wantsCut: boolean, isReplay: boolean): Step {
    this.#hear(dts);
    if (!this.#hasStarted) {
      return key ? 'add' : 'wait';
    }
    const interval = dts - this.#lastDts;
    if (this.#secondsOf(interval) > this.#longestS) {
      return 'break';
    }
    const ticks = dts - this.#startDts;
    if (this.#secondsOf(ticks) > this.#longestS) {
      // The target that a first segment ending there would fix may be shorter than the pause behind it.
      const targetS = this.#isFirstSegment ? targetOf(this.#secondsOf(this.#lastDts - this.#startDts)) : MAX_TARGET_S;
      return this.#secondsOf(interval) > targetS + ROUNDED_AWAY_S ? 'break' : 'cutBefore';
    }
    if (key) {
      return ticks > 0 && (wantsCut || this.#isEnough(ticks, EARLY_KEY_MS) || this.#realigns(ticks, dts))
        ? 'cut'
        : 'add';
    }
    const isOpening = !isReplay && this.#isFirstGroup;
    const isFull = this.#secondsOf(ticks + interval) > this.#longestS;
    return isFull || (isOpening && this.#isEnough(ticks, 0) && !this.#isKeyNear(dts)) ? 'cut' : 'add';
  }

  /** Counted once for each sample. */
  #hear(dts: number): void {
    if (dts <= this.#heardDts) {
      return;
    }
    const pauseS = this.#secondsOf(dts - this.#heardDts);
    this.#heardDts = dts;
    const isPause = Number.isFinite(pauseS) && pauseS > this.#longestS;
    if (isPause && this.#wasPause && pauseS <= MAX_TARGET_S) {
      this.#raiseTo(RISE * pauseS);
      this.#longestS = this.#targetS + ROUNDED_AWAY_S;
    }
    this.#wasPause = isPause;
  }

  /**
   * A segment that began inside of a group ends with it, so that the next one begins with a key sample again; a short rest goes with
   * the group behind it, if there is room for both.
   */
  #realigns(ticks: number, keyDts: number): boolean {
    if (this.#isIndependent) {
      return false;
    }
    const withNextS = this.#secondsOf(ticks + keyDts - this.#groupDts);
    return this.#isEnough(2 * ticks, 0) || withNextS > this.#longestS;
  }

  /** A segment that has to end somewhere had better end with its group, if that is not much longer. */
  #isKeyNear(dts: number): boolean {
    const restMs = this.#options.longestGroupMs() - this.#secondsOf(dts - this.#groupDts) * 1000;
    return restMs > 0 && restMs <= this.#options.segmentDurationMs / 2;
  }

  /** A segment ending here would be this long, or nearly. */
  mayEnd(dts: number, leastMs = this.#options.segmentDurationMs): boolean {
    return this.#secondsOf(dts - this.#startDts) * 1000 >= leastMs - EARLY_KEY_MS;
  }

  /** It has been taken. */
  took({ key, dts }: Sample): void {
    if (!this.#hasStarted) {
      this.#hasStarted = true;
      this.#isIndependent = true;
      this.#startDts = dts;
      this.#groupDts = dts;
    } else if (key) {
      this.#endGroup(dts);
    }
    this.#lastDts = dts;
  }

  /**
   * A segment has ended where the next one begins.
   * @param isKey that one begins with a key sample
   */
  ended(nextDts: number, isKey: boolean): void {
    this.#isIndependent = isKey;
    if (this.#isFirstSegment) {
      this.#isFirstSegment = false;
      const longestGroupMs = this.#options.longestGroupMs();
      this.#isSettled = longestGroupMs > 0;
      this.#raiseTo(this.#secondsOf(nextDts - this.#startDts));
      this.#raiseTo(this.#wholeGroupsS(longestGroupMs / 1000));
      this.#longestS = this.#targetS + ROUNDED_AWAY_S;
    }
    this.#startDts = nextDts;
    if (isKey) {
      this.#endGroup(nextDts);
    }
  }

  /** The next segment begins after a break, with a key sample. */
  broke(): void {
    this.#hasStarted = false;
  }

  #endGroup(keyDts: number): void {
    if (!this.#isSettled && !this.#isFirstSegment) {
      this.#isSettled = true;
      this.#raiseTo(this.#wholeGroupsS(this.#secondsOf(keyDts - this.#groupDts)));
      this.#longestS = this.#targetS + ROUNDED_AWAY_S;
    }
    this.#isFirstGroup = false;
    this.#groupDts = keyDts;
  }

  /** A segment is as many whole groups as it takes. */
  #wholeGroupsS(groupS: number): number {
    const leastS = (this.#options.segmentDurationMs - EARLY_KEY_MS) / 1000;
    return groupS > 0 ? Math.max(1, Math.ceil(leastS / groupS)) * groupS : 0;
  }

  #raiseTo(seconds: number): void {
    this.#targetS = Math.max(this.#targetS, Math.min(targetOf(seconds), MAX_TARGET_S));
  }

  #isEnough(ticks: number, spareMs: number): boolean {
    return this.#secondsOf(ticks) * 1000 >= this.#options.segmentDurationMs - spareMs;
  }

  #secondsOf(ticks: number): number {
    return ticks / this.#options.clockRate;
  }
}

const targetOf = (seconds: number): number => Math.max(1, Math.round(seconds + SPARE_S));
