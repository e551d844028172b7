import { DAY_MS } from '../../base/time/units.ts';

/** Length of each of the two periods. */
const DAYS = 14;
/** A slowdown: flushes take this many times as long as in the first period. More cameras alone do not cause that. */
const SLOWER = 4;

export interface FlushTimes {
  readonly count: number;
  readonly totalMs: number;
}

export interface Slowdown {
  readonly times: number;
  readonly nowMs: number;
}

/** Mean duration of a flush in ms, by day: the first days of a disk, and the latest after them. */
export interface FlushDays {
  readonly first: readonly number[];
  readonly latest: readonly number[];
}

/** How the flushes of a disk slow down over weeks. Flash memory does so before it fails. */
export class FlushAge {
  days: FlushDays;
  /** The begin of this day. */
  #since: { readonly monoMs: number; readonly flushes: FlushTimes } | undefined;

  constructor(days: FlushDays = { first: [], latest: [] }) {
    this.days = days;
  }

  /** @param flushes all since the start, those of an earlier disk with this number included @returns whether `days` has changed */
  add(monoMs: number, flushes: FlushTimes): boolean {
    if (this.#since !== undefined && monoMs - this.#since.monoMs < DAY_MS) {
      return false;
    }
    const before = this.#since?.flushes ?? flushes;
    this.#since = { monoMs, flushes: { count: flushes.count, totalMs: flushes.totalMs } };
    const [count, totalMs] = [flushes.count - before.count, flushes.totalMs - before.totalMs];
    // A day with fewer flushes says nothing about the disk.
    if (count < 500) {
      return false;
    }
    const { first, latest } = this.days;
    const meanMs = Math.round((totalMs / count) * 10) / 10;
    this.days =
      first.length < DAYS ? { first: [...first, meanMs], latest } : { first, latest: [...latest, meanMs].slice(-DAYS) };
    return true;
  }

  /** Undefined if it is not slower than it was, or too little is known. */
  get slowdown(): Slowdown | undefined {
    const { first, latest } = this.days;
    if (latest.length < DAYS) {
      return undefined;
    }
    const nowMs = median(latest);
    const times = nowMs / Math.max(1, median(first));
    // Shorter flushes do no harm.
    return times >= SLOWER && nowMs >= 100 ? { times, nowMs } : undefined;
  }
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
