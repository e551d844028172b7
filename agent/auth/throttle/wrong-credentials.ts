import type { Clock } from '../../base/clock.ts';
import { addCount } from '../../base/count-map.ts';
import { PerchError } from '../../base/errors.ts';
import { isPrivateIp, subscriberOf } from '../../base/network/ip-address.ts';

const MAX_PAUSE_MS = 4_000;
/** Maximum number of waiting replies for all addresses outside private networks together. */
const MAX_PUBLIC = 256;

/**
 * Delays replies to wrong credentials by up to four seconds, at random. Few may wait for one address; further ones are rejected unread, so
 * that many connections do not make guessing faster.
 */
export class WrongCredentials {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #random: () => number;
  readonly #waiting = new Map<string, number>();
  #publicCount = 0;

  /** @param signal ends all pauses */
  constructor(clock: Clock, signal: AbortSignal, random: () => number = Math.random) {
    this.#clock = clock;
    this.#signal = signal;
    this.#random = random;
  }

  /** Guesses from outside do not delay private networks, however many addresses they use. */
  checkRoom(ip: string): void {
    const waiting = this.#waiting.get(subscriberOf(ip)) ?? 0;
    if (waiting >= 8) {
      throw tooMany(`${waiting} wrong logins from this address are being answered: try again`, ip);
    }
    if (this.#publicCount >= MAX_PUBLIC && !isPrivateIp(ip)) {
      throw tooMany('too many wrong logins are being answered: try again', ip);
    }
  }

  /** Waits before the reply to a wrong credential. The wait counts from the call on. @param maxMs for a client that does not wait longer */
  async pause(ip: string, maxMs = MAX_PAUSE_MS): Promise<void> {
    const key = subscriberOf(ip);
    addCount(this.#waiting, key, 1);
    const added = isPrivateIp(ip) ? 0 : 1;
    this.#publicCount += added;
    await this.#clock.sleep(this.#random() * maxMs, this.#signal);
    this.#publicCount -= added;
    addCount(this.#waiting, key, -1);
  }
}

const tooMany = (message: string, ip: string): PerchError =>
  new PerchError('exhausted', message, { ip, retryAfterS: MAX_PAUSE_MS / 1000 });
