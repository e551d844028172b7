import type { Clock } from '../../base/clock.ts';

const MINUTE_MS = 60_000;
const MAX_KEYS = 500;

/** So that one player that tries again and again does not fill the log. */
export class OnceAMinute {
  readonly #clock: Clock;
  /** When each was last due, oldest first. */
  readonly #dueMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether it is the first in a minute with this key. With too many keys the oldest are forgotten. */
  isDue(key: string): boolean {
    const nowMs = this.#clock.monoMs();
    const lastMs = this.#dueMs.get(key);
    if (lastMs !== undefined && nowMs - lastMs < MINUTE_MS) {
      return false;
    }
    this.#dueMs.delete(key);
    this.#dueMs.set(key, nowMs);
    const [oldest] = this.#dueMs.keys();
    if (this.#dueMs.size > MAX_KEYS && oldest !== undefined) {
      this.#dueMs.delete(oldest);
    }
    return true;
  }
}
