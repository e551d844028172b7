/** What this process takes of the machine. */
interface ProcessFacts {
  /** Of one processor, over the last 10 to 20 seconds: above 100 where threads work side by side. */
  readonly cpuPercent: number;
  /** Resident. */
  readonly memoryBytes: number;
  readonly heapUsedBytes: number;
}

/** The part of the clock that is needed. */
interface LoadClock {
  monoMs(): number;
  every(ms: number, tick: () => void): () => void;
}

interface Mark {
  readonly atMs: number;
  readonly cpuUs: number;
}

const WINDOW_MS = 10_000;

/** Counts from its making until `close`. */
export class ProcessLoad {
  readonly #clock: LoadClock;
  readonly #usage: () => NodeJS.CpuUsage;
  readonly #stopTurning: () => void;
  #older: Mark;
  #newer: Mark;

  constructor(clock: LoadClock, usage: () => NodeJS.CpuUsage = () => process.cpuUsage()) {
    this.#clock = clock;
    this.#usage = usage;
    this.#older = this.#mark();
    this.#newer = this.#older;
    this.#stopTurning = clock.every(WINDOW_MS, () => {
      this.#older = this.#newer;
      this.#newer = this.#mark();
    });
  }

  read(): ProcessFacts {
    const now = this.#mark();
    const elapsedMs = now.atMs - this.#older.atMs;
    const cpuMs = (now.cpuUs - this.#older.cpuUs) / 1000;
    const { rss, heapUsed } = process.memoryUsage();
    return {
      cpuPercent: elapsedMs <= 0 ? 0 : Math.round((1000 * cpuMs) / elapsedMs) / 10,
      memoryBytes: rss,
      heapUsedBytes: heapUsed,
    };
  }

  close(): void {
    this.#stopTurning();
  }

  #mark(): Mark {
    const { user, system } = this.#usage();
    return { atMs: this.#clock.monoMs(), cpuUs: user + system };
  }
}
