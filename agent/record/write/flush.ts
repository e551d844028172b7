import type { Clock } from '../../base/clock.ts';
import { DiskQueue } from './disk-queue.ts';

/** A disk that has not ended a write or a flush for so long is taken to hang. */
export const HANGING_MS = 10_000;

/** A file that is being written. */
export interface OpenFile {
  /** `st_dev`; undefined while the file is not there yet. */
  readonly device: number | undefined;
  /** Bytes were written that a power cut would lose. */
  readonly hasUnsynced: boolean;
  /** Makes what was written so far survive a power cut. Never rejects: a file deals with its own failure. */
  sync(): Promise<void>;
}

/**
 * The flush point of all recorders: every interval one round for each disk over its files that have new bytes, back to back:
 * a card sees few flushes, and a disk that hangs holds up no other.
 * It is also the register of the files that are being written, which recovery and retention leave alone.
 */
export class FlushPoint {
  /** Rounds that have flushed something, of all disks. */
  rounds = 0;
  readonly #files = new Map<string, OpenFile>();
  readonly #disks = new Map<number, DiskQueue>();
  /** Under way, by disk. */
  readonly #rounds = new Map<number, Promise<void>>();
  readonly #joined: (() => void)[] = [];
  readonly #clock: Pick<Clock, 'every' | 'monoMs' | 'sleep'>;
  #stop: () => void;
  #intervalMs: number;

  /** @param intervalMs at most so much is lost in a power cut */
  constructor(clock: Pick<Clock, 'every' | 'monoMs' | 'sleep'>, intervalMs: number) {
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

  /** `work` is called at the end of each round that has flushed something: what it writes wakes the disk no second time. It must not throw. */
  join(work: () => void): void {
    this.#joined.push(work);
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

  /** @param device `st_dev` */
  disk(device: number): DiskQueue {
    let disk = this.#disks.get(device);
    if (!disk) {
      disk = new DiskQueue(this.#clock);
      this.#disks.set(device, disk);
    }
    return disk;
  }

  /** What has been written to a disk, and how long it took; undefined: nothing yet. @param device `st_dev` */
  times(device: number): Pick<DiskQueue, 'writes' | 'flushes'> | undefined {
    return this.#disks.get(device);
  }

  /** The disk has not ended for `HANGING_MS` what it was asked. @param device `st_dev` */
  isHanging(device: number): boolean {
    return (this.#disks.get(device)?.busyMs ?? 0) >= HANGING_MS;
  }

  /** A recording waits for a disk that hangs. */
  get isHeldUp(): boolean {
    return [...this.#files.values()].some(({ device }) => device !== undefined && this.isHanging(device));
  }

  /** One round for each disk, now. A disk whose last round is still under way gets no second one. */
  async flush(): Promise<void> {
    for (const { device, hasUnsynced } of this.#files.values()) {
      if (device !== undefined && hasUnsynced && !this.#rounds.has(device)) {
        const round = this.#round(device).finally(() => this.#rounds.delete(device));
        this.#rounds.set(device, round);
      }
    }
    await Promise.all(this.#rounds.values());
  }

  /** Resolves when the rounds under way are over, those of a disk that hangs excepted. */
  async close(): Promise<void> {
    this.#stop();
    const end = new AbortController();
    const over = Promise.all(this.#rounds.values()).then(() => end.abort());
    while (!end.signal.aborted && ![...this.#rounds.keys()].every((device) => this.isHanging(device))) {
      await Promise.race([over, this.#clock.sleep(HANGING_MS / 10, end.signal)]);
    }
    end.abort();
  }

  async #round(device: number): Promise<void> {
    let count = 0;
    for (const file of [...this.#files.values()]) {
      if (file.device === device && file.hasUnsynced) {
        await file.sync();
        count += 1;
      }
    }
    if (count > 0) {
      this.rounds += 1;
      for (const work of this.#joined) {
        work();
      }
    }
  }

  #start(): () => void {
    return this.#clock.every(this.#intervalMs, () => void this.flush());
  }
}
