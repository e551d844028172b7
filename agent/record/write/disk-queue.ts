import type { Clock } from '../../base/clock.ts';

export interface DiskWriter {
  /** Its turn: starts a write and calls the queue's `writeDone` afterwards. */
  startWrite(): void;
}

/** One write and one flush per disk at a time: a hanging disk blocks a thread each, and the process has four. */
export class DiskQueue {
  readonly writes = new DiskTimes();
  readonly flushes = new DiskTimes();
  readonly #clock: Pick<Clock, 'idleMs' | 'monoMs'>;
  readonly #waiting: DiskWriter[] = [];
  #writingSince: Instant | undefined;
  #flushingSince: Instant | undefined;
  #flushes: Promise<unknown> = Promise.resolve();

  constructor(clock: Pick<Clock, 'idleMs' | 'monoMs'>) {
    this.#clock = clock;
  }

  /** How long the event loop has waited during the current write or flush, in ms; 0: none. */
  get waitedMs(): number {
    const nowMs = this.#clock.idleMs();
    return nowMs - Math.min(this.#writingSince?.idleMs ?? nowMs, this.#flushingSince?.idleMs ?? nowMs);
  }

  /** Calls `writer` at its turn, which may be at once. */
  wantsWrite(writer: DiskWriter): void {
    if (this.#writingSince === undefined) {
      this.#writingSince = this.#now();
      writer.startWrite();
    } else {
      this.#waiting.push(writer);
    }
  }

  writeDone(): void {
    const next = this.#waiting.shift();
    const now = this.#now();
    this.writes.add(now.monoMs - (this.#writingSince ?? now).monoMs);
    this.#writingSince = next && now;
    next?.startWrite();
  }

  /** Runs `work` (a flush or creation) after earlier ones. */
  flush<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#flushes.then(() => {
      this.#flushingSince = this.#now();
      return work();
    });
    const flushed = () => {
      const now = this.#now();
      this.flushes.add(now.monoMs - (this.#flushingSince ?? now).monoMs);
      this.#flushingSince = undefined;
    };
    this.#flushes = done.then(flushed, flushed);
    return done;
  }

  #now(): Instant {
    return { monoMs: this.#clock.monoMs(), idleMs: this.#clock.idleMs() };
  }
}

type Instant = Readonly<Record<'monoMs' | 'idleMs', number>>;

/** Durations of writes or flushes in ms. */
class DiskTimes {
  count = 0;
  totalMs = 0;
  lastMs = 0;
  maxMs = 0;

  add(ms: number): void {
    this.count += 1;
    this.totalMs += ms;
    this.lastMs = ms;
    this.maxMs = Math.max(this.maxMs, ms);
  }
}
