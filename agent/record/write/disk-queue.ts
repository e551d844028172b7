import type { Clock } from '../../base/clock.ts';

export interface DiskWriter {
  /** Its turn: starts a write and calls the queue's `writeDone` afterwards. */
  startWrite(): void;
}

/** One write and one flush per disk at a time: a hanging disk blocks a thread each, and the process has four. */
export class DiskQueue {
  readonly writes = new DiskTimes();
  readonly flushes = new DiskTimes();
  readonly #clock: Pick<Clock, 'monoMs'>;
  readonly #waiting: DiskWriter[] = [];
  #writingSinceMs: number | undefined;
  #flushingSinceMs: number | undefined;
  #flushes: Promise<unknown> = Promise.resolve();

  constructor(clock: Pick<Clock, 'monoMs'>) {
    this.#clock = clock;
  }

  /** Duration of the current write or flush in ms; 0: none. */
  get busyMs(): number {
    const nowMs = this.#clock.monoMs();
    return nowMs - Math.min(this.#writingSinceMs ?? nowMs, this.#flushingSinceMs ?? nowMs);
  }

  /** Calls `writer` at its turn, which may be at once. */
  wantsWrite(writer: DiskWriter): void {
    if (this.#writingSinceMs === undefined) {
      this.#writingSinceMs = this.#clock.monoMs();
      writer.startWrite();
    } else {
      this.#waiting.push(writer);
    }
  }

  writeDone(): void {
    const next = this.#waiting.shift();
    const nowMs = this.#clock.monoMs();
    this.writes.add(nowMs - (this.#writingSinceMs ?? nowMs));
    this.#writingSinceMs = next && nowMs;
    next?.startWrite();
  }

  /** Runs `work` (a flush or creation) after earlier ones. */
  flush<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#flushes.then(() => {
      this.#flushingSinceMs = this.#clock.monoMs();
      return work();
    });
    const flushed = () => {
      const nowMs = this.#clock.monoMs();
      this.flushes.add(nowMs - (this.#flushingSinceMs ?? nowMs));
      this.#flushingSinceMs = undefined;
    };
    this.#flushes = done.then(flushed, flushed);
    return done;
  }
}

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
