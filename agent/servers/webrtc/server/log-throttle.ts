import type { Clock } from '../../../base/clock.ts';

const MINUTE_MS = 60_000;
const MAX_KEYS = 500;

/** So that one player that tries again and again does not fill the log. */
export class OnceAMinute {
  readonly #clock: Clock;
  /** When each was noted last, oldest first. */
  readonly #dueMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether it is the first in a minute with this key. With too many keys the oldest are forgotten. */
  isDue(key: string): boolean {
    const isFirst = !this.has(key);
    if (isFirst) {
      this.note(key);
    }
    return isFirst;
  }

  /** Whether this key was noted within the last minute. */
  has(key: string): boolean {
    const lastMs = this.#dueMs.get(key);
    return lastMs !== undefined && this.#clock.monoMs() - lastMs < MINUTE_MS;
  }

  note(key: string): void {
    this.#dueMs.delete(key);
    this.#dueMs.set(key, this.#clock.monoMs());
    const [oldest] = this.#dueMs.keys();
    if (this.#dueMs.size > MAX_KEYS && oldest !== undefined) {
      this.#dueMs.delete(oldest);
    }
  }
}
