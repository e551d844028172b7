import type { ReportedLoss } from './receiver-reports.ts';

/** Losses are summed over this many seconds: a single late burst is no trend. */
const WINDOW_TICKS = 5;
/** Retransmission repairs less than this. */
const UNREPAIRABLE_LOSS = 0.1;
/** Share of loss that a full queue or radio noise may cause; the round trip time distinguishes them. */
const QUEUE_LOSS = 0.02;
/** Share of loss at which nothing is shown any more: such a second counts twice. */
const HEAVY_LOSS = 0.3;
const QUEUE_MS = 100;
/** A queue lasts for this many seconds; radio delays single packets by as much. */
const QUEUE_TICKS = 3;
/** Delay at which seconds of video are queued, which will not be recovered. */
const LONG_QUEUE_MS = 600;
/** Rise of the baseline per second: a longer round trip becomes the baseline after a while. */
const BASELINE_DRIFT_MS = 2;
/** Time after the start and every replay that is not judged: each is a burst. */
const GRACE_MS = 5_000;
/** An estimate must exceed the higher level's bitrate by this factor. */
const HEADROOM = 1.25;
/**
 * Browsers' estimates follow the sent bitrate (at most 1.5 times of it, down to nothing between key frames). Without a
 * high estimate, only a retry shows whether the network has recovered.
 */
const FIRST_RETRY_MS = 30_000;
const MAX_RETRY_MS = 300_000;
/** A step up that lasted this long was right. */
const PROVEN_MS = 60_000;

/** The statistics of one second. */
export interface LinkStatistics extends ReportedLoss {
  /** The viewer's bandwidth estimate; 0: none. */
  readonly estimateBitsPerSecond: number;
  readonly roundTripMs: number | undefined;
  readonly isCongested: boolean;
  /** Average bitrates of what is sent now and of the next higher level. */
  readonly bitsPerSecond: number;
  readonly betterBitsPerSecond: number;
}

/**
 * Decides how much of a stream a viewer receives: level 0 is everything, each further level less. Loss and queueing
 * lower it within seconds. It rises after a quiet period, which doubles after each failed attempt.
 */
export class BitrateAdaptation {
  level = 0;
  readonly #lost: number[] = [];
  readonly #expected: number[] = [];
  readonly #lastLevel: number;
  /** Share of lost packets within the window. */
  #loss = 0;
  #score = 0;
  #graceUntilMs: number;
  #minRoundTripMs = Number.POSITIVE_INFINITY;
  readonly #roundTripsMs: number[] = [];
  /** Since when there has been no loss and no queue. */
  #quietSinceMs: number;
  #retryMs = FIRST_RETRY_MS;
  #raisedMs = Number.NEGATIVE_INFINITY;

  constructor(lastLevel: number, nowMs: number) {
    this.#lastLevel = lastLevel;
    this.#graceUntilMs = nowMs + GRACE_MS;
    this.#quietSinceMs = nowMs;
  }

  /** Called once a second. @returns whether the level changed */
  tick(statistics: LinkStatistics, nowMs: number): boolean {
    const isBad = this.#isBad(statistics);
    if (nowMs < this.#graceUntilMs) {
      // These reports are about losses before the change.
      this.#forgetLosses();
      return false;
    }
    this.#score = isBad ? this.#score + (this.#loss > HEAVY_LOSS ? 2 : 1) : Math.max(0, this.#score - 0.5);
    if (isBad) {
      this.#quietSinceMs = nowMs;
    }
    // Bad seconds until the level is lowered; a good one takes back half.
    if (this.#score >= 3 && this.level < this.#lastLevel) {
      this.#lower(nowMs);
      return true;
    }
    if (this.#raisedMs + PROVEN_MS < nowMs && this.level === 0) {
      this.#retryMs = FIRST_RETRY_MS;
    }
    if (this.level > 0 && this.#mayRise(statistics, nowMs)) {
      this.#raisedMs = nowMs;
      this.#change(this.level - 1, nowMs);
      return true;
    }
    return false;
  }

  /** A burst was too much; no trend is needed. @returns whether the level changed */
  stepDown(nowMs: number): boolean {
    if (this.level > 0 || this.#lastLevel === 0) {
      return false;
    }
    this.#lower(nowMs);
    return true;
  }

  #lower(nowMs: number): void {
    if (nowMs - this.#raisedMs < PROVEN_MS) {
      this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
    }
    this.#change(this.level + 1, nowMs);
  }

  #isBad(statistics: LinkStatistics): boolean {
    const { estimateBitsPerSecond, roundTripMs, bitsPerSecond } = statistics;
    push(this.#lost, statistics.lost, WINDOW_TICKS);
    push(this.#expected, statistics.expected, WINDOW_TICKS);
    const lost = sumOf(this.#lost);
    const expected = sumOf(this.#expected);
    const loss = lost < 5 ? 0 : lost / Math.max(1, expected);
    this.#loss = loss;
    const queueMs = this.#queueMs(roundTripMs);
    // Browsers' estimates alone say little: they stay below the bitrate for 30 s after a single queue, and anywhere
    // after a period of key frames. But none stays high while the network is full.
    const mayBeFull = estimateBitsPerSecond === 0 || estimateBitsPerSecond < bitsPerSecond;
    const isFull = queueMs > LONG_QUEUE_MS || (queueMs > QUEUE_MS && loss > QUEUE_LOSS);
    return statistics.isCongested || loss > UNREPAIRABLE_LOSS || (mayBeFull && isFull);
  }

  #queueMs(roundTripMs: number | undefined): number {
    if (roundTripMs === undefined) {
      return 0;
    }
    this.#minRoundTripMs = Math.min(this.#minRoundTripMs + BASELINE_DRIFT_MS, roundTripMs);
    push(this.#roundTripsMs, roundTripMs, QUEUE_TICKS);
    return Math.min(...this.#roundTripsMs) - this.#minRoundTripMs;
  }

  #mayRise({ estimateBitsPerSecond, betterBitsPerSecond }: LinkStatistics, nowMs: number): boolean {
    const quietMs = nowMs - this.#quietSinceMs;
    const hasHeadroom = estimateBitsPerSecond >= HEADROOM * betterBitsPerSecond;
    return quietMs >= (hasHeadroom ? this.#retryMs / 2 : this.#retryMs);
  }

  #change(level: number, nowMs: number): void {
    this.level = level;
    this.#score = 0;
    this.#forgetLosses();
    this.#quietSinceMs = nowMs;
    this.#graceUntilMs = nowMs + GRACE_MS / 2;
  }

  #forgetLosses(): void {
    this.#lost.length = 0;
    this.#expected.length = 0;
  }
}

function push(window: number[], latest: number, length: number): void {
  window.push(latest);
  if (window.length > length) {
    window.shift();
  }
}

const sumOf = (window: readonly number[]): number => window.reduce((sum, count) => sum + count, 0);
