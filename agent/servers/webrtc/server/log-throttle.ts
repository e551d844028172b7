import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { MINUTE_MS } from '../../../base/time/units.ts';

/** Limits repeated log messages to one per minute and key. */
export class LogThrottle {
  readonly #clock: Clock;
  /** Monotonic time at which each key was last noted, oldest first. */
  readonly #dueMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether to log: the key was not noted within the last minute. If so, notes it. Above the limit the oldest key is dropped. */
  isDue(key: string): boolean {
    const isFirst = !this.has(key);
    if (isFirst) {
      this.note(key);
    }
    return isFirst;
  }

  has(key: string): boolean {
    const lastMs = this.#dueMs.get(key);
    return lastMs !== undefined && this.#clock.monoMs() - lastMs < MINUTE_MS;
  }

  note(key: string): void {
    putBounded(this.#dueMs, key, this.#clock.monoMs(), 500);
  }
}
