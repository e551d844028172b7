import type { Clock } from '../../base/clock.ts';
import type { ImportPace } from '../import/copy-file.ts';

const MAX_PAUSE_MS = 2_000;
const CHECK_MS = 100;
/** A recorder's write that takes longer is waited for. */
const SLOW_MS = 200;

interface DiskPaceOptions {
  readonly clock: Pick<Clock, 'monoMs' | 'sleep'>;
  readonly signal: AbortSignal;
  /** How long a recorder waits for a disk now. */
  readonly busyMs: () => number;
}

/** Leaves disks and processor to recording: works half of the time, and not while a recorder waits. */
export class DiskPace implements ImportPace {
  readonly signal: AbortSignal;
  readonly #options: DiskPaceOptions;
  #sinceMs: number;

  constructor(options: DiskPaceOptions) {
    this.#options = options;
    this.signal = options.signal;
    this.#sinceMs = options.clock.monoMs();
  }

  begin(): void {
    this.#sinceMs = this.#options.clock.monoMs();
  }

  async wait(): Promise<void> {
    const { clock, signal, busyMs } = this.#options;
    signal.throwIfAborted();
    await clock.sleep(Math.min(clock.monoMs() - this.#sinceMs, MAX_PAUSE_MS), signal);
    while (!signal.aborted && busyMs() > SLOW_MS) {
      await clock.sleep(CHECK_MS, signal);
    }
    signal.throwIfAborted();
    this.#sinceMs = clock.monoMs();
  }
}
