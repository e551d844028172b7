import type { Clock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import { subscriberOf } from '../base/ip-address.ts';

const LONGEST_PAUSE_MS = 4_000;
const PER_ADDRESS_LIMIT = 8;
const TOTAL_LIMIT = 256;

/**
 * Wrong credentials are answered after a random pause of up to four seconds. Few may wait for one address: further
 * ones are refused unread until an answer has gone out, so that many connections do not make guessing faster.
 */
export class WrongCredentials {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #random: () => number;
  readonly #waiting = new Map<string, number>();
  #total = 0;

  /** @param signal ends all pauses, when the program ends */
  constructor(clock: Clock, signal: AbortSignal, random: () => number = Math.random) {
    this.#clock = clock;
    this.#signal = signal;
    this.#random = random;
  }

  checkRoom(ip: string): void {
    const waiting = this.#waiting.get(subscriberOf(ip)) ?? 0;
    if (waiting >= PER_ADDRESS_LIMIT || this.#total >= TOTAL_LIMIT) {
      throw new PerchError('exhausted', `${waiting} wrong log-ins from this address are being answered: try again`, {
        ip,
        retryAfterS: LONGEST_PAUSE_MS / 1000,
      });
    }
  }

  async pause(ip: string): Promise<void> {
    const key = subscriberOf(ip);
    this.#waiting.set(key, (this.#waiting.get(key) ?? 0) + 1);
    this.#total += 1;
    await this.#clock.sleep(this.#random() * LONGEST_PAUSE_MS, this.#signal);
    this.#total -= 1;
    const left = (this.#waiting.get(key) ?? 1) - 1;
    if (left > 0) {
      this.#waiting.set(key, left);
    } else {
      this.#waiting.delete(key);
    }
  }
}
