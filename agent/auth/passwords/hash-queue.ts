import { createHmac, randomBytes } from 'node:crypto';
import { putBounded } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { ConcurrencyLimit } from '../../base/concurrency-limit.ts';
import { addCount } from '../../base/count-map.ts';
import { PerchError } from '../../base/errors.ts';
import { subscriberOf } from '../../base/network/ip-address.ts';
import { type Argon2Parameters, verifyArgon2 } from './argon2.ts';

const REMEMBER_MS = 10 * 60_000;
const MAX_REMEMBERED = 64;
/** Maximum number of checks of one address, so that one client cannot fill the queue. */
const MAX_PER_ADDRESS = 4;
const RETRY_AFTER_S = 2;

interface Remembered {
  readonly untilMs: number;
  readonly isRight: Promise<boolean>;
}

/** Checks texts against argon2 hashes, one at a time; recent results are cached. */
export class HashQueue {
  readonly #clock: Clock;
  readonly #verify: (text: string, hash: Argon2Parameters) => Promise<boolean>;
  readonly #key = randomBytes(32);
  // Separate, so that wrong pairs, which anyone can produce, do not evict right ones.
  readonly #right = new Map<string, Remembered>();
  readonly #other = new Map<string, Remembered>();
  readonly #inFlight = new Map<string, number>();
  /** Each check takes a core and its memory; the other cores are for the cameras. */
  readonly #gate = new ConcurrencyLimit(1, 16, 'logins');

  constructor(clock: Clock, verify = verifyArgon2) {
    this.#clock = clock;
    this.#verify = verify;
  }

  /** @param ip of the client, canonical @throws PerchError exhausted if too many checks wait */
  check(text: string, hash: Argon2Parameters, ip: string): Promise<boolean> {
    // Keyed by a secret of this run, so that memory and dumps hold no passwords.
    const key = createHmac('sha256', this.#key).update(hash.salt).update(hash.hash).update(text).digest('base64');
    const known = this.#right.get(key) ?? this.#other.get(key);
    if (known && known.untilMs > this.#clock.monoMs()) {
      return known.isRight;
    }
    const isRight = this.#run(text, hash, subscriberOf(ip));
    const remembered = { untilMs: this.#clock.monoMs() + REMEMBER_MS, isRight };
    this.#right.delete(key);
    putBounded(this.#other, key, remembered, MAX_REMEMBERED);
    isRight.then(
      (is) => {
        if (is && this.#other.get(key) === remembered) {
          this.#other.delete(key);
        }
        if (is) {
          putBounded(this.#right, key, remembered, MAX_REMEMBERED);
        }
      },
      () => this.#other.delete(key),
    );
    return isRight;
  }

  async #run(text: string, hash: Argon2Parameters, subscriber: string): Promise<boolean> {
    const before = this.#inFlight.get(subscriber) ?? 0;
    if (before >= MAX_PER_ADDRESS) {
      throw new PerchError('exhausted', `${before} passwords from this address are being checked: try again`, {
        retryAfterS: RETRY_AFTER_S,
      });
    }
    addCount(this.#inFlight, subscriber, 1);
    try {
      return await this.#gate.run(() => this.#verify(text, hash));
    } finally {
      addCount(this.#inFlight, subscriber, -1);
    }
  }
}
