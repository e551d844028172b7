import type { Clock } from '../../../base/clock.ts';
import type { ImportPace } from '../../../recordings/copy/copy-file.ts';

const MAX_PAUSE_MS = 2_000;
/** Time by which pauses may have been too long, which the next ones make up for. */
const MAX_CREDIT_MS = 200;
/** Shorter pauses are added up. */
const MIN_PAUSE_MS = 5;
const CHECK_MS = 100;
/** While a recorder's write takes longer than this, the transfer stops. */
const SLOW_MS = 200;
/** A recorder that has waited for its disk this long may have waited for the transfer, which then slows down for ten seconds. */
const NOTICED_MS = 30;
const NOTICED_FOR_MS = 10_000;
/** Pause for each second of work while no recorder waits for its disk. */
const QUIET_SHARE = 0.25;

interface DiskPaceOptions {
  readonly clock: Pick<Clock, 'monoMs' | 'sleep'>;
  readonly signal: AbortSignal;
  /** How long a recorder waits for a disk now. */
  readonly busyMs: () => number;
}

/**
 * Leaves disks and processor to recording: pauses for a fifth of the time, for half of it in the ten seconds after a
 * recorder has waited for its disk, and altogether while a recorder waits for long.
 */
export class DiskPace implements ImportPace {
  readonly signal: AbortSignal;
  readonly #options: DiskPaceOptions;
  #sinceMs: number;
  #owedMs = 0;
  #noticedMs = Number.NEGATIVE_INFINITY;

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
    const nowMs = clock.monoMs();
    if (busyMs() > NOTICED_MS) {
      this.#noticedMs = nowMs;
    }
    const share = nowMs - this.#noticedMs < NOTICED_FOR_MS ? 1 : QUIET_SHARE;
    this.#owedMs = Math.min(this.#owedMs + (nowMs - this.#sinceMs) * share, MAX_PAUSE_MS);
    if (this.#owedMs >= MIN_PAUSE_MS) {
      await clock.sleep(this.#owedMs, signal);
      // On a busy machine a pause ends late.
      this.#owedMs = Math.max(this.#owedMs - (clock.monoMs() - nowMs), -MAX_CREDIT_MS);
    }
    while (!signal.aborted && busyMs() > SLOW_MS) {
      this.#noticedMs = clock.monoMs();
      await clock.sleep(CHECK_MS, signal);
    }
    signal.throwIfAborted();
    this.#sinceMs = clock.monoMs();
  }
}
