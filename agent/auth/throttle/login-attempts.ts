import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { subscriberOf } from '../../base/ip-address.ts';

const FAILURES_LIMIT = 10;
const WINDOW_MS = 10 * 60_000;
const KEYS_LIMIT = 4096;

interface Tally {
  failures: number;
  sinceMs: number;
}

/**
 * Counts wrong passwords and setup codes by address, or by what else is given: after so many of them it waits until ten
 * minutes after the first. Bounded: when too many are known the one that failed longest ago is forgotten.
 */
export class Attempts {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #whose: string;
  readonly #tallies = new Map<string, Tally>();

  /** @param whose attempts they are, for the message */
  constructor(clock: Clock, limit = FAILURES_LIMIT, whose = 'from this address') {
    this.#clock = clock;
    this.#limit = limit;
    this.#whose = whose;
  }

  /**
   * Throws when `key` has used up its attempts. Takes one beforehand, so that attempts made at once are counted too.
   *
   * @param key an address (one subscriber's count together), or any other text
   */
  take(key: string, ip = key): void {
    const kept = subscriberOf(key);
    const nowMs = this.#clock.monoMs();
    const old = this.#tallies.get(kept);
    const tally = old && nowMs - old.sinceMs < WINDOW_MS ? old : { failures: 0, sinceMs: nowMs };
    if (tally.failures >= this.#limit) {
      const retryAfterS = Math.ceil((tally.sinceMs + WINDOW_MS - nowMs) / 1000);
      throw new PerchError(
        'exhausted',
        `${this.#limit} wrong attempts ${this.#whose}: try again in ${Math.ceil(retryAfterS / 60)} min`,
        { ip, retryAfterS },
      );
    }
    tally.failures += 1;
    this.#tallies.delete(kept);
    this.#tallies.set(kept, tally);
    const oldest = this.#tallies.keys().next();
    if (this.#tallies.size > KEYS_LIMIT && !oldest.done) {
      this.#tallies.delete(oldest.value);
    }
  }

  /** The attempt was right: what it was made from starts afresh. */
  succeeded(key: string): void {
    this.#tallies.delete(subscriberOf(key));
  }

  /** Nothing was found out: the attempt does not count. */
  giveBack(key: string): void {
    const tally = this.#tallies.get(subscriberOf(key));
    if (tally && tally.failures > 0) {
      tally.failures -= 1;
    }
  }
}
