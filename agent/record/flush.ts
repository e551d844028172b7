import type { Clock } from '../base/clock.ts';

/** A file that is being written. */
export interface OpenFile {
  /** Bytes were written that a power cut would lose. */
  readonly hasUnsynced: boolean;
  /** Makes what was written so far survive a power cut. Never rejects: a file deals with its own failure. */
  sync(): Promise<void>;
}

/**
 * The one flush point of all recorders: every interval one round over the files that have new bytes,
 * one after the other, so that a slow disk is never asked by more than one thread.
 * It is also the register of the files that are being written, which recovery and retention leave alone.
 */
export class FlushPoint {
  readonly #files = new Map<string, OpenFile>();
  readonly #clock: Pick<Clock, 'every'>;
  #stop: () => void;
  #intervalMs: number;
  #round: Promise<void> | undefined;

  /** @param intervalMs at most so much is lost in a power cut */
  constructor(clock: Pick<Clock, 'every'>, intervalMs: number) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#stop = this.#start();
  }

  setInterval(intervalMs: number): void {
    if (intervalMs !== this.#intervalMs) {
      this.#stop();
      this.#intervalMs = intervalMs;
      this.#stop = this.#start();
    }
  }

  /**
   * To be called before the file is created, so that nobody mistakes it for one that was left over.
   * @returns false when another file of this name is being written
   */
  add(name: string, file: OpenFile): boolean {
    if (this.#files.has(name)) {
      return false;
    }
    this.#files.set(name, file);
    return true;
  }

  remove(name: string): void {
    this.#files.delete(name);
  }

  isOpen(name: string): boolean {
    return this.#files.has(name);
  }

  async flush(): Promise<void> {
    for (const file of [...this.#files.values()]) {
      if (file.hasUnsynced) {
        await file.sync();
      }
    }
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#round;
  }

  #start(): () => void {
    return this.#clock.every(this.#intervalMs, () => {
      // A round that takes longer than the interval is not joined by a second one.
      this.#round ??= this.flush().finally(() => {
        this.#round = undefined;
      });
    });
  }
}
