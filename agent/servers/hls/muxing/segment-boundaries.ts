import type { Sample } from '../../../media/sample/sample.ts';

interface SegmentBoundariesOptions {
  /** Clock rate of the leading track. */
  readonly clockRate: number;
  readonly segmentDurationMs: number;
  /** 0: not known. */
  longestGroupMs(): number;
}

/**
 * The action before a sample. `wait`: drop it; `add`: none; `cut`: the segment ends before it; `cutBefore`: the segment
 * ends before the previous sample, which was longer than expected, and the same sample is checked again; `break`: the
 * segment ends and the next one is discontinuous.
 */
export type Step = 'wait' | 'add' | 'cut' | 'cutBefore' | 'break';

/** Key frames of cameras jitter: one that is slightly early still ends its segment. */
const EARLY_KEY_MS = 20;
/** Jitter that needs no longer target. */
const SPARE_S = 0.05;
/**
 * EXTINF is rounded before the comparison with the target (RFC 8216bis §4.4.3.1); audio may end a few samples later.
 */
const ROUNDED_AWAY_S = 0.44;
/** A longer GOP or pause is not one segment. */
const MAX_TARGET_S = 30;
/** Slow frame rates jitter: a raised target allows for this factor. */
const RISE = 1.25;

/**
 * The segment boundaries and the target duration. A segment ends before a key sample once it is long enough. In the GOP
 * that is running at the first viewer it ends before any sample: the viewer would wait for the rest of the GOP
 * otherwise, and hls.js loads no parts while whole segments are far from the end. The target is fixed with the first
 * segment if the GOP length is known, else it may rise once, with the first whole GOP. A longer GOP is cut at the
 * target.
 *
 * Samples further apart than a segment may be long are a pause, after which the stream restarts with the next key
 * sample. A second one in a row is not a pause: the camera has slowed down, for example in the dark, and each of its
 * frames would be a restart, or lost without a key frame. RFC 8216bis §6.2.1 requires a constant target; players read it
 * from each playlist and tolerate a rise (they reload less often) better than that or a segment longer than announced.
 * It never falls: listed segments would exceed it.
 */
export class SegmentBoundaries {
  readonly #options: SegmentBoundariesOptions;
  #targetS: number;
  #isSettled = false;
  #hasStarted = false;
  #isFirstSegment = true;
  #isFirstGroup = true;
  /** The segment starts with a key sample. */
  #isIndependent = true;
  #startDts = 0;
  #groupDts = 0;
  #lastDts = 0;
  #longestS = MAX_TARGET_S;
  /** Decode time of the latest sample, used or not. */
  #heardDts = Number.NEGATIVE_INFINITY;
  #wasPause = false;

  constructor(options: SegmentBoundariesOptions) {
    this.#options = options;
    this.#targetS = targetOf(options.segmentDurationMs / 1000);
  }

  /** EXT-X-TARGETDURATION; valid after the first segment. */
  get targetDurationS(): number {
    return this.#targetS;
  }

  /**
   * Called for every sample of the leading track.
   * @param wantsCut the next key sample ends the segment, however short
   * @param isReplay a cached sample: all of them are one segment
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
      // The target fixed by a first segment ending there may be shorter than the following pause.
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

  /** Counts each sample once. */
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
   * A segment that started inside a GOP ends with it, so that the next one starts with a key sample; a short rest joins
   * the next GOP if both fit.
   */
  #realigns(ticks: number, keyDts: number): boolean {
    if (this.#isIndependent) {
      return false;
    }
    const withNextS = this.#secondsOf(ticks + keyDts - this.#groupDts);
    return this.#isEnough(2 * ticks, 0) || withNextS > this.#longestS;
  }

  /** A segment that must end anyway ends with its GOP if that is not much longer. */
  #isKeyNear(dts: number): boolean {
    const restMs = this.#options.longestGroupMs() - this.#secondsOf(dts - this.#groupDts) * 1000;
    return restMs > 0 && restMs <= this.#options.segmentDurationMs / 2;
  }

  /** A segment ending here would be nearly this long. */
  mayEnd(dts: number, minMs = this.#options.segmentDurationMs): boolean {
    return this.#secondsOf(dts - this.#startDts) * 1000 >= minMs - EARLY_KEY_MS;
  }

  /** The sample was used. */
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

  /** A segment has ended. @param isKey the next one starts with a key sample */
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

  /** Called after a break, before the key sample that follows it. */
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

  /** Duration of the whole GOPs in a segment. */
  #wholeGroupsS(groupS: number): number {
    const minS = (this.#options.segmentDurationMs - EARLY_KEY_MS) / 1000;
    return groupS > 0 ? Math.max(1, Math.ceil(minS / groupS)) * groupS : 0;
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
