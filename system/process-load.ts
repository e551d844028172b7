interface ProcessFacts {
  /** Percent of one processor over the last 10 to 20 s; above 100 with several busy threads. */
  readonly cpuPercent: number;
  /** Resident set size. */
  readonly memoryBytes: number;
  readonly heapUsedBytes: number;
}

interface LoadClock {
  monoMs(): number;
  every(ms: number, tick: () => void): () => void;
}

interface Mark {
  readonly atMs: number;
  readonly cpuUs: number;
}

const WINDOW_MS = 10_000;

/** Measures from construction to `close`. */
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
