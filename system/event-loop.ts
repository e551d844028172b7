import { monitorEventLoopDelay } from 'node:perf_hooks';

export type LoopHistogram = ReturnType<typeof monitorEventLoopDelay>;

/**
 * How often is looked: what a look finds is at least so long, and that much is taken off again. A box with one camera is idle most of the
 * time: more looks than these were a measurable part of all that it did.
 */
export const RESOLUTION_MS = 100;
/** What is told is of the last one to two of these. */
const WINDOW_MS = 10_000;
const NS_PER_MS = 1e6;

/** How late the event loop was: everything that Perch does waits for it. In milliseconds, over the last 10 to 20 seconds. */
export interface LoopDelay {
  readonly meanMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** What moves on the watch: the part of the clock that is needed. */
export interface WindowClock {
  every(ms: number, tick: () => void): () => void;
}

/**
 * Watches how late the event loop is. Two histograms overlap, and the older one is told: one that began anew right before a long
 * halt would have missed it.
 */
export class EventLoopWatch {
  #older: LoopHistogram | undefined;
  #newer: LoopHistogram;
  readonly #make: () => LoopHistogram;
  readonly #stopTurning: () => void;

  constructor(clock: WindowClock, make: () => LoopHistogram = histogram) {
    this.#make = make;
    this.#newer = started(make());
    this.#stopTurning = clock.every(WINDOW_MS, () => this.#turn());
  }

  get delay(): LoopDelay {
    const watched = this.#older ?? this.#newer;
    return {
      // NaN and a minimum of no sense while nothing has been seen.
      meanMs: watched.count === 0 ? 0 : late(watched.mean),
      p99Ms: watched.count === 0 ? 0 : late(watched.percentile(99)),
      maxMs: watched.count === 0 ? 0 : late(watched.max),
    };
  }

  close(): void {
    this.#stopTurning();
    this.#older?.disable();
    this.#newer.disable();
  }

  #turn(): void {
    this.#older?.disable();
    this.#older = this.#newer;
    this.#newer = started(this.#make());
  }
}

const histogram = (): LoopHistogram => monitorEventLoopDelay({ resolution: RESOLUTION_MS });

function started(made: LoopHistogram): LoopHistogram {
  made.enable();
  return made;
}

const late = (ns: number): number => Math.max(0, ns / NS_PER_MS - RESOLUTION_MS);
