import type { Clock } from '../../base/clock.ts';
import { DiskQueue } from './disk-queue.ts';

/** A disk whose write or flush takes this long counts as hanging. */
export const HANGING_MS = 10_000;

export interface OpenFile {
  /** `st_dev`; undefined before the file exists. */
  readonly device: number | undefined;
  readonly hasUnsynced: boolean;
  /** Flushes the file. Never rejects: the file handles its own failure. */
  sync(): Promise<void>;
}

/**
 * Flushes all recordings: every interval one round per disk over files with new bytes, back to back. A card gets few
 * flushes, and a hanging disk blocks no other. Also registers files being written, which recovery and retention skip.
 */
export class FlushPoint {
  /** Rounds with a flush, on all disks. */
  rounds = 0;
  readonly #files = new Map<string, OpenFile>();
  readonly #disks = new Map<number, DiskQueue>();
  readonly #rounds = new Map<number, Promise<void>>();
  readonly #joined: (() => void)[] = [];
  readonly #clock: Pick<Clock, 'every' | 'idleMs' | 'monoMs' | 'sleep'>;
  #stop: () => void;
  #intervalMs: number;

  /** @param intervalMs the most that a power cut loses */
  constructor(clock: Pick<Clock, 'every' | 'idleMs' | 'monoMs' | 'sleep'>, intervalMs: number) {
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

  /** Calls `work` after each round with a flush, so that its writes wake the disk no second time. It must not throw. */
  join(work: () => void): void {
    this.#joined.push(work);
  }

  /**
   * Called before the file is created, so that recovery skips it.
   * @returns false if a file of this name is being written
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

  /** Write and flush durations of a disk, or undefined if there are none yet. @param device `st_dev` */
  times(device: number): Pick<DiskQueue, 'writes' | 'flushes'> | undefined {
    return this.#disks.get(device);
  }

  /** Whether an operation has taken longer than `HANGING_MS`, not counting the time in which Perch was busy. @param device `st_dev` */
  isHanging(device: number): boolean {
    return (this.#disks.get(device)?.waitedMs ?? 0) >= HANGING_MS;
  }

  /** How long the event loop has waited for the longest write or flush under way, in ms; 0: none. */
  get waitedMs(): number {
    return Math.max(0, ...[...this.#disks.values()].map(({ waitedMs }) => waitedMs));
  }

  /** A recording waits for a hanging disk. */
  get isHeldUp(): boolean {
    return [...this.#files.values()].some(({ device }) => device !== undefined && this.isHanging(device));
  }

  /** Starts a round per disk, except where one is running. */
  async flush(): Promise<void> {
    for (const { device, hasUnsynced } of this.#files.values()) {
      if (device !== undefined && hasUnsynced && !this.#rounds.has(device)) {
        const round = this.#round(device).finally(() => this.#rounds.delete(device));
        this.#rounds.set(device, round);
      }
    }
    await Promise.all(this.#rounds.values());
  }

  /** Resolves after current rounds, except on hanging disks. */
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
