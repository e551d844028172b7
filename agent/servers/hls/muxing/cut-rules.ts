import type { Sample } from '../../../media/sample.ts';

export interface CutOptions {
  /** Of the leading track, whose samples decide. */
  readonly clockRate: number;
  readonly segmentDurationMs: number;
  /** The longest time between two key samples that is known of the path; undefined: nothing is. */
  readonly longestGroupMs: number | undefined;
  /** Segments end inside of the first group too: for players that get nothing of a segment before its end. */
  readonly cutsFirstGroup: boolean;
}

/** A segment that ends; all in ticks of the leading track. */
export interface Cut {
  readonly startDts: number;
  readonly endDts: number;
  /** Nothing came for so long that what follows does not continue it. */
  readonly isBreak: boolean;
}

/** Cameras' key frames tremble: one that comes a little early still ends its segment. */
const EARLY_KEY_MS = 20;
/** EXTINF is rounded before it is compared with the target duration (RFC 8216bis §4.4.3.1). */
const ROUNDED_AWAY_S = 0.499;
/** Groups that tremble by so much do not reach beyond the target duration. */
const SPARE_S = 0.25;
/** What is missing between two segments that follow on from each other is shorter. */
const BREAK_S = 0.5;

/**
 * Where segments end, and the target duration that they keep to. A segment ends before a key sample once it is long enough.
 * The target duration is fixed from the beginning where the length of groups is known; where it is not, it may rise once, with the
 * first whole group. A group that is longer all the same is cut where it reaches the target.
 */
export class CutRules {
  /** What comes is the replay of the group cache: it stays together, up to `afterLast`. */
  isReplay = false;
  readonly #options: CutOptions;
  #targetS: number;
  /** The target duration does not change any more. */
  #isSettled: boolean;
  #isFirstGroup = true;
  /** Where the segment begins; undefined: nothing has come. */
  #startDts: number | undefined;
  #hasSamples = false;
  #groupDts = 0;
  #groupTicks = 0;
  #lastDts = 0;
  /** How far samples are apart. */
  #usualTicks = 0;

  constructor(options: CutOptions) {
    this.#options = options;
    this.#isSettled = options.longestGroupMs !== undefined;
    this.#targetS = this.#targetFor(options.longestGroupMs ?? 0);
  }

  /** EXT-X-TARGETDURATION. */
  get targetDurationS(): number {
    return this.#targetS;
  }

  /**
   * To be told of every sample of the leading track; the first one is a key sample.
   * @param wantsCut the next key sample ends the segment, however short it is
   * @returns the segment that ends before this sample; undefined: the sample belongs to it
   */
  before(sample: Sample, wantsCut: boolean): Cut | undefined {
    const startDts = this.#startDts;
    if (startDts === undefined) {
      this.#startDts = sample.dts;
      this.#groupDts = sample.dts;
    } else if (sample.key) {
      this.#endGroup(sample.dts);
    }
    const mayEnd = startDts !== undefined && this.#hasSamples && !this.isReplay;
    const cut = mayEnd ? this.#cut(startDts, sample, wantsCut) : undefined;
    if (cut) {
      this.#startDts = cut.isBreak ? sample.dts : cut.endDts;
    } else if (this.#hasSamples) {
      this.#usualTicks = sample.dts - this.#lastDts;
    }
    this.#hasSamples = true;
    this.#lastDts = sample.dts;
    return cut;
  }

  /**
   * The replay is over: ends the first segment behind the sample that came last, whose length is guessed. undefined: it is not long
   * enough.
   */
  afterLast(): Cut | undefined {
    this.isReplay = false;
    const startDts = this.#startDts;
    const endDts = this.#lastDts + this.#usualTicks;
    if (startDts === undefined || !this.#hasSamples || !this.#isLongEnough(endDts - startDts)) {
      return undefined;
    }
    // There has been no playlist before.
    this.#targetS = Math.max(this.#targetS, targetOf(this.#secondsOf(endDts - startDts)));
    this.#startDts = endDts;
    this.#hasSamples = false;
    return { startDts, endDts, isBreak: false };
  }

  #cut(startDts: number, sample: Sample, wantsCut: boolean): Cut | undefined {
    const ticks = sample.dts - startDts;
    const limitTicks = (this.#targetS + ROUNDED_AWAY_S) * this.#options.clockRate;
    if (ticks > limitTicks) {
      return this.#cutLate(startDts, sample, limitTicks);
    }
    const isEnough = sample.key
      ? wantsCut || this.#isLongEnough(ticks) || this.#isGroupTooLong(ticks, limitTicks)
      : this.#isEnoughOfFirstGroup(ticks, sample);
    const gap = sample.dts - this.#lastDts;
    const isFull = ticks >= this.#targetS * this.#options.clockRate || ticks + gap > limitTicks;
    return isEnough || isFull ? { startDts, endDts: sample.dts, isBreak: false } : undefined;
  }

  /** Up to the sample it would be longer than is allowed: the samples before have come with a pause behind them. */
  #cutLate(startDts: number, sample: Sample, limitTicks: number): Cut {
    const usualTicks = this.#usualTicks || this.#options.clockRate;
    const usualEnd = Math.min(this.#lastDts + usualTicks, startDts + limitTicks);
    const isBreak = this.#secondsOf(sample.dts - usualEnd) > BREAK_S;
    return { startDts, endDts: isBreak ? usualEnd : Math.min(sample.dts, startDts + limitTicks), isBreak };
  }

  #isLongEnough(ticks: number): boolean {
    return this.#secondsOf(ticks) * 1000 >= this.#options.segmentDurationMs - EARLY_KEY_MS;
  }

  /** With another group like the last one it would be too long: groups stay whole, and the segment is a short one. */
  #isGroupTooLong(ticks: number, limitTicks: number): boolean {
    return this.#groupTicks <= limitTicks && ticks + this.#groupTicks > limitTicks;
  }

  /** In the first group also before a picture that follows none but earlier ones. */
  #isEnoughOfFirstGroup(ticks: number, { pts, dts }: Sample): boolean {
    const { segmentDurationMs, cutsFirstGroup } = this.#options;
    return cutsFirstGroup && this.#isFirstGroup && pts === dts && this.#secondsOf(ticks) * 1000 >= segmentDurationMs;
  }

  #endGroup(keyDts: number): void {
    this.#groupTicks = keyDts - this.#groupDts;
    this.#groupDts = keyDts;
    this.#isFirstGroup = false;
    if (!this.#isSettled) {
      this.#isSettled = true;
      this.#targetS = Math.max(this.#targetS, this.#targetFor(this.#secondsOf(this.#groupTicks) * 1000));
    }
  }

  /** A segment is as many whole groups as it takes. */
  #targetFor(groupMs: number): number {
    const { segmentDurationMs } = this.#options;
    const groups = groupMs > 0 ? Math.max(1, Math.ceil((segmentDurationMs - EARLY_KEY_MS) / groupMs)) : 0;
    return targetOf(Math.max(segmentDurationMs, groups * groupMs) / 1000);
  }

  #secondsOf(ticks: number): number {
    return ticks / this.#options.clockRate;
  }
}

const targetOf = (seconds: number): number => Math.max(1, Math.ceil(seconds - SPARE_S));
