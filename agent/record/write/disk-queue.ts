import type { Clock } from '../../base/clock.ts';

/** Someone who has a write for the disk. */
export interface DiskWriter {
  /** Its turn has come: starts the write and calls `writeDone` of the queue when it is over. */
  startWrite(): void;
}

/**
 * What goes on at one disk: one write and one flush at a time. The process has four threads for files, and a disk that hangs
 * keeps each that it is given: so it gets two, and the other disks go on.
 */
export class DiskQueue {
  readonly writes = new DiskTimes();
  /** Flushes, and what else waits for the disk itself: making files and folders. */
  readonly flushes = new DiskTimes();
  readonly #clock: Pick<Clock, 'monoMs'>;
  readonly #waiting: DiskWriter[] = [];
  #writingSinceMs: number | undefined;
  #flushingSinceMs: number | undefined;
  #flushes: Promise<unknown> = Promise.resolve();

  constructor(clock: Pick<Clock, 'monoMs'>) {
    this.#clock = clock;
  }

  /** How long the write or flush that is under way has taken so far, in milliseconds; 0 when there is none. */
  get busyMs(): number {
    const nowMs = this.#clock.monoMs();
    return nowMs - Math.min(this.#writingSinceMs ?? nowMs, this.#flushingSinceMs ?? nowMs);
  }

  /** `writer` is called when it is its turn: at once when nothing is being written. */
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

  /** Runs `work`, a flush or what else waits for the disk itself, when those before it are done. */
  flush<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#flushes.then(() => {
      this.#flushingSinceMs = this.#clock.monoMs();
      return work();
    });
    this.#flushes = done.then(
      () => this.#flushed(),
      () => this.#flushed(),
    );
    return done;
  }

  #flushed(): void {
    const nowMs = this.#clock.monoMs();
    this.flushes.add(nowMs - (this.#flushingSinceMs ?? nowMs));
    this.#flushingSinceMs = undefined;
  }
}

/** How long the writes, or the flushes, of a disk take, in milliseconds. */
class DiskTimes {
  count = 0;
  totalMs = 0;
  lastMs = 0;
  /** Since the start. */
  maxMs = 0;

  add(ms: number): void {
    this.count += 1;
    this.totalMs += ms;
    this.lastMs = ms;
    this.maxMs = Math.max(this.maxMs, ms);
  }
}
