import { monitorEventLoopDelay } from 'node:perf_hooks';

export type LoopHistogram = ReturnType<typeof monitorEventLoopDelay>;

/**
 * Sampling interval. Longer delays are always seen, and reported at most this much too short. Samples every 100 ms took
 * a third of the CPU time of a box without cameras.
 */
export const RESOLUTION_MS = 200;
/** Reported values cover the last one to two windows. */
const WINDOW_SECONDS = 10;
const NS_PER_MS = 1e6;

/**
 * Delay of the event loop over the last 10 to 20 seconds. The percentile is the worse of two windows with some fifty
 * samples each.
 */
export interface LoopDelay {
  /** Samples: few right after the start, when one delay makes a large mean. */
  readonly samples: number;
  readonly meanMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

interface WindowClock {
  eachSecond(tick: () => void): () => void;
}

/**
 * Measures the delay of the event loop in consecutive windows and reports the last two. Windows overlap: a histogram
 * misses the first sample after its start and a delay that lasts beyond its end.
 */
export class EventLoopWatch {
  readonly #make: () => LoopHistogram;
  readonly #stopLooking: () => void;
  #watched: LoopHistogram;
  #ending: LoopHistogram | undefined;
  #before: LoopDelays = NOTHING;
  #seconds = 0;

  constructor(clock: WindowClock, make: () => LoopHistogram = histogram) {
    this.#make = make;
    this.#watched = started(make());
    this.#stopLooking = clock.eachSecond(() => this.#check());
  }

  get delay(): LoopDelay {
    const now = seenBy(this.#watched);
    const { looks, lateMs, p99Ms, maxMs } = this.#ending ? seenBy(this.#ending) : this.#before;
    return {
      samples: now.looks + looks,
      meanMs: (now.lateMs + lateMs) / Math.max(1, now.looks + looks),
      p99Ms: Math.max(now.p99Ms, p99Ms),
      maxMs: Math.max(now.maxMs, maxMs),
    };
  }

  close(): void {
    this.#stopLooking();
    this.#ending?.disable();
    this.#watched.disable();
  }

  #check(): void {
    if (this.#ending) {
      this.#before = seenBy(this.#ending);
      this.#ending.disable();
      this.#ending = undefined;
    }
    this.#seconds += 1;
    if (this.#seconds % WINDOW_SECONDS === 0) {
      this.#ending = this.#watched;
      this.#watched = started(this.#make());
    }
  }
}

const histogram = (): LoopHistogram => monitorEventLoopDelay({ resolution: RESOLUTION_MS });

function started(made: LoopHistogram): LoopHistogram {
  made.enable();
  return made;
}

interface LoopDelays {
  readonly looks: number;
  readonly lateMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const NOTHING: LoopDelays = { looks: 0, lateMs: 0, p99Ms: 0, maxMs: 0 };

const seenBy = (watched: LoopHistogram): LoopDelays =>
  // Without samples the mean is NaN and the minimum is meaningless.
  watched.count === 0
    ? NOTHING
    : {
        looks: watched.count,
        lateMs: late(watched.mean) * watched.count,
        p99Ms: late(watched.percentile(99)),
        maxMs: late(watched.max),
      };

const late = (ns: number): number => Math.max(0, ns / NS_PER_MS - RESOLUTION_MS);
