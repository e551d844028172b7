import type { Loss } from './viewer-health.ts';

/** Losses are counted over this many ticks of a second: a single late burst is no trend. */
const WINDOW_TICKS = 5;
/** Retransmission makes up for less. */
const MUCH_LOSS = 0.1;
/** So much may come from a full queue, or from nothing but the air: the round trip tells. */
const SOME_LOSS = 0.02;
const MIN_LOST = 5;
/** Nothing is shown any more: such a second counts for two. */
const HEAVY_LOSS = 0.3;
const QUEUE_MS = 100;
/** A queue stands for as many seconds; radio delays single packets by as much. */
const STANDING_TICKS = 3;
/** Seconds of pictures are in it: they will not be made up for. */
const LONG_QUEUE_MS = 600;
/** A longer way is taken for the normal one after a while. */
const FORGET_MS = 2;
/** So many bad seconds, of which each good one takes back a half. */
const PATIENCE = 3;
/** The start, and every replay, is a burst. */
const GRACE_MS = 5_000;
/** An estimate must leave room for what the better picture takes. */
const ROOM = 1.25;
/** Estimates follow what is sent (to one and a half times of it, and down to nothing between key frames): without a high one, trying is the only way to know. */
const FIRST_RETRY_MS = 30_000;
const MAX_RETRY_MS = 300_000;
/** A step up that has lasted so long was right. */
const PROVEN_MS = 60_000;

/** A second of a viewer's life. */
export interface Second extends Loss {
  /** The viewer's estimate; 0: none. */
  readonly estimateBitsPerSecond: number;
  readonly roundTripMs: number | undefined;
  /** The network takes no more at this moment. */
  readonly isCongested: boolean;
  /** What is sent now takes, and what the next better picture would take, on average. */
  readonly bitsPerSecond: number;
  readonly betterBitsPerSecond: number;
}

/**
 * Decides how much of a stream a viewer's network is given: level 0 is all of it, each further level is less. Losses and
 * queues take it down within seconds; up it goes after a quiet time, which doubles each time that it was wrong.
 */
export class Downshift {
  level = 0;
  readonly #lost: number[] = [];
  readonly #expected: number[] = [];
  readonly #lastLevel: number;
  /** Of the window. */
  #loss = 0;
  #score = 0;
  #graceUntilMs: number;
  #shortestMs = Number.POSITIVE_INFINITY;
  readonly #roundTripsMs: number[] = [];
  /** Since when there was no sign of trouble. */
  #quietSinceMs: number;
  #retryMs = FIRST_RETRY_MS;
  #climbedMs = Number.NEGATIVE_INFINITY;

  constructor(lastLevel: number, nowMs: number) {
    this.#lastLevel = lastLevel;
    this.#graceUntilMs = nowMs + GRACE_MS;
    this.#quietSinceMs = nowMs;
  }

  /** To be called once a second. @returns whether the level has changed */
  tick(second: Second, nowMs: number): boolean {
    const isBad = this.#isBad(second);
    if (nowMs < this.#graceUntilMs) {
      // What is reported now is the loss of before.
      this.#forgetLosses();
      return false;
    }
    this.#score = isBad ? this.#score + (this.#loss > HEAVY_LOSS ? 2 : 1) : Math.max(0, this.#score - 0.5);
    if (isBad) {
      this.#quietSinceMs = nowMs;
    }
    if (this.#score >= PATIENCE && this.level < this.#lastLevel) {
      this.#lower(nowMs);
      return true;
    }
    if (this.#climbedMs + PROVEN_MS < nowMs && this.level === 0) {
      this.#retryMs = FIRST_RETRY_MS;
    }
    if (this.level > 0 && this.#mayClimb(second, nowMs)) {
      this.#climbedMs = nowMs;
      this.#change(this.level - 1, nowMs);
      return true;
    }
    return false;
  }

  /** A burst has shown that all of it is too much: no trend is waited for. @returns whether the level has changed */
  overwhelm(nowMs: number): boolean {
    if (this.level > 0 || this.#lastLevel === 0) {
      return false;
    }
    this.#lower(nowMs);
    return true;
  }

  #lower(nowMs: number): void {
    if (nowMs - this.#climbedMs < PROVEN_MS) {
      this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
    }
    this.#change(this.level + 1, nowMs);
  }

  #isBad(second: Second): boolean {
    const { estimateBitsPerSecond, roundTripMs, bitsPerSecond } = second;
    push(this.#lost, second.lost, WINDOW_TICKS);
    push(this.#expected, second.expected, WINDOW_TICKS);
    const lost = sumOf(this.#lost);
    const expected = sumOf(this.#expected);
    const loss = lost < MIN_LOST ? 0 : lost / Math.max(1, expected);
    this.#loss = loss;
    const queueMs = this.#queueMs(roundTripMs);
    // By themselves browsers' estimates say little: they stay below the bitrate for half a minute after a single queue, and
    // anywhere after a time of key frames. But there is none that stays high while the network is full.
    const mayBeFull = estimateBitsPerSecond === 0 || estimateBitsPerSecond < bitsPerSecond;
    const isFull = queueMs > LONG_QUEUE_MS || (queueMs > QUEUE_MS && loss > SOME_LOSS);
    return second.isCongested || loss > MUCH_LOSS || (mayBeFull && isFull);
  }

  #queueMs(roundTripMs: number | undefined): number {
    if (roundTripMs === undefined) {
      return 0;
    }
    this.#shortestMs = Math.min(this.#shortestMs + FORGET_MS, roundTripMs);
    push(this.#roundTripsMs, roundTripMs, STANDING_TICKS);
    return Math.min(...this.#roundTripsMs) - this.#shortestMs;
  }

  #mayClimb({ estimateBitsPerSecond, betterBitsPerSecond }: Second, nowMs: number): boolean {
    const quietMs = nowMs - this.#quietSinceMs;
    const isRoomy = estimateBitsPerSecond >= ROOM * betterBitsPerSecond;
    return quietMs >= (isRoomy ? this.#retryMs / 2 : this.#retryMs);
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

/** Appends to the last `length` values. */
function push(window: number[], latest: number, length: number): void {
  window.push(latest);
  if (window.length > length) {
    window.shift();
  }
}

const sumOf = (window: readonly number[]): number => window.reduce((sum, count) => sum + count, 0);
