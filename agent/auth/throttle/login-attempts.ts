import { putBounded } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { subscriberOf } from '../../base/network/ip-address.ts';

const WINDOW_MS = 10 * 60_000;

interface Tally {
  failures: number;
  sinceMs: number;
}

/**
 * Counts wrong passwords and setup codes by address or another key: after the limit it rejects until ten minutes after the first. Bounded:
 * the key with the oldest failure is dropped.
 */
export class LoginAttempts {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #origin: string;
  readonly #tallies = new Map<string, Tally>();

  /** @param origin of the attempts, for the message */
  constructor(clock: Clock, limit = 10, origin = 'from this address') {
    this.#clock = clock;
    this.#limit = limit;
    this.#origin = origin;
  }

  /**
   * Counts an attempt beforehand, so that concurrent ones count too. @throws PerchError if `key` has used up its attempts
   * @param key an address (those of one subscriber count together), or another text
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
        `${this.#limit} wrong attempts ${this.#origin}: try again in ${Math.ceil(retryAfterS / 60)} min`,
        { ip, retryAfterS },
      );
    }
    tally.failures += 1;
    putBounded(this.#tallies, kept, tally, 4096);
  }

  /** The attempt was right: the key starts over. */
  succeeded(key: string): void {
    this.#tallies.delete(subscriberOf(key));
  }

  /** The attempt was not verified, and does not count. */
  giveBack(key: string): void {
    const tally = this.#tallies.get(subscriberOf(key));
    if (tally && tally.failures > 0) {
      tally.failures -= 1;
    }
  }
}
