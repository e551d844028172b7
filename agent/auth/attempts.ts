import type { Clock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import { subscriberOf } from '../base/ip-address.ts';

const FAILURES_LIMIT = 10;
const WINDOW_MS = 10 * 60_000;
const ADDRESSES_LIMIT = 4096;

interface Tally {
  failures: number;
  sinceMs: number;
}

/**
 * Counts wrong passwords and setup codes by address: after ten of them the address waits until ten minutes
 * after the first. Bounded: when too many addresses are known the one that failed longest ago is forgotten.
 */
export class Attempts {
  readonly #clock: Clock;
  readonly #tallies = new Map<string, Tally>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws when `ip` has used up its attempts. Takes one beforehand, so that attempts made at once are counted too. */
  take(ip: string): void {
    const key = subscriberOf(ip);
    const nowMs = this.#clock.monoMs();
    const old = this.#tallies.get(key);
    const tally = old && nowMs - old.sinceMs < WINDOW_MS ? old : { failures: 0, sinceMs: nowMs };
    if (tally.failures >= FAILURES_LIMIT) {
      const retryAfterS = Math.ceil((tally.sinceMs + WINDOW_MS - nowMs) / 1000);
      throw new PerchError(
        'exhausted',
        `${FAILURES_LIMIT} wrong attempts from this address: try again in ${Math.ceil(retryAfterS / 60)} min`,
        { ip, retryAfterS },
      );
    }
    tally.failures += 1;
    this.#tallies.delete(key);
    this.#tallies.set(key, tally);
    const oldest = this.#tallies.keys().next();
    if (this.#tallies.size > ADDRESSES_LIMIT && !oldest.done) {
      this.#tallies.delete(oldest.value);
    }
  }

  /** The attempt was right: the address starts afresh. */
  succeeded(ip: string): void {
    this.#tallies.delete(subscriberOf(ip));
  }

  /** The attempt was neither right nor wrong, for example because the disk could not be written. */
  giveBack(ip: string): void {
    const tally = this.#tallies.get(subscriberOf(ip));
    if (tally) {
      tally.failures = Math.max(0, tally.failures - 1);
    }
  }
}
