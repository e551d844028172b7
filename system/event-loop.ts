import { monitorEventLoopDelay } from 'node:perf_hooks';

export type LoopHistogram = ReturnType<typeof monitorEventLoopDelay>;

/**
 * How often is looked: a longer halt is always seen, up to this much too short. Looks every 100 ms took a third of
 * the CPU time of a box without cameras.
 */
export const RESOLUTION_MS = 200;
/** What is told is of the last one to two windows. */
const WINDOW_SECONDS = 10;
const NS_PER_MS = 1e6;

/**
 * How late the event loop was: everything that Perch does waits for it. In milliseconds, over the last 10 to 20 seconds; the percentile
 * is that of the worse of two windows, of some fifty looks each.
 */
export interface LoopDelay {
  readonly meanMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** What moves on the watch: the part of the clock that is needed. */
interface WindowClock {
  eachSecond(tick: () => void): () => void;
}

/**
 * Watches how late the event loop is, in one window after the other. What the one before had is told too, and it ends only when the next
 * has begun: a histogram does not see the first look after its beginning, nor what is not over at its end.
 */
export class EventLoopWatch {
  readonly #make: () => LoopHistogram;
  readonly #stopLooking: () => void;
  #watched: LoopHistogram;
  #ending: LoopHistogram | undefined;
  #before: Seen = NOTHING;
  #seconds = 0;

  constructor(clock: WindowClock, make: () => LoopHistogram = histogram) {
    this.#make = make;
    this.#watched = started(make());
    this.#stopLooking = clock.eachSecond(() => this.#look());
  }

  get delay(): LoopDelay {
    const now = seenBy(this.#watched);
    const { looks, lateMs, p99Ms, maxMs } = this.#ending ? seenBy(this.#ending) : this.#before;
    return {
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

  #look(): void {
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

/** What was seen in one window. */
interface Seen {
  readonly looks: number;
  /** Of all looks together. */
  readonly lateMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const NOTHING: Seen = { looks: 0, lateMs: 0, p99Ms: 0, maxMs: 0 };

const seenBy = (watched: LoopHistogram): Seen =>
  // A mean of NaN and a minimum of no sense while nothing has been seen.
  watched.count === 0
    ? NOTHING
    : {
        looks: watched.count,
        lateMs: late(watched.mean) * watched.count,
        p99Ms: late(watched.percentile(99)),
        maxMs: late(watched.max),
      };

const late = (ns: number): number => Math.max(0, ns / NS_PER_MS - RESOLUTION_MS);
