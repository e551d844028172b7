import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { Gate } from '../../base/gate.ts';
import { subscriberOf } from '../../base/ip-address.ts';
import { type Argon2Parameters, verifyArgon2 } from './argon2.ts';

const REMEMBER_MS = 10 * 60_000;
const REMEMBER_LIMIT = 64;
/** One core at most, and the memory of one: the others are for the cameras. */
const AT_ONCE = 1;
const WAITING_LIMIT = 16;
/** So that one who guesses does not fill the queue for all. */
const PER_ADDRESS_LIMIT = 4;
const RETRY_AFTER_S = 2;

interface Remembered {
  readonly untilMs: number;
  readonly isRight: Promise<boolean>;
}

/** Checks texts against argon2 hashes: one after the other, and a pair that it has seen lately not again. */
export class SlowChecks {
  readonly #clock: Clock;
  readonly #verify: (text: string, hash: Argon2Parameters) => Promise<boolean>;
  readonly #key = randomBytes(32);
  // Apart, so that wrong ones, of which anybody can make many, do not drive out the right ones.
  readonly #right = new Map<string, Remembered>();
  readonly #other = new Map<string, Remembered>();
  readonly #inFlight = new Map<string, number>();
  readonly #gate = new Gate(AT_ONCE, WAITING_LIMIT, 'log-ins');

  constructor(clock: Clock, verify = verifyArgon2) {
    this.#clock = clock;
    this.#verify = verify;
  }

  /**
   * @param ip of whoever asks, canonical
   * @throws PerchError exhausted when too many checks wait
   */
  check(text: string, hash: Argon2Parameters, ip: string): Promise<boolean> {
    // Keyed by a secret of this run: neither memory nor a dump holds passwords.
    const key = createHmac('sha256', this.#key).update(hash.salt).update(hash.hash).update(text).digest('base64');
    const known = this.#right.get(key) ?? this.#other.get(key);
    if (known && known.untilMs > this.#clock.monoMs()) {
      return known.isRight;
    }
    const isRight = this.#run(text, hash, subscriberOf(ip));
    const remembered = { untilMs: this.#clock.monoMs() + REMEMBER_MS, isRight };
    this.#right.delete(key);
    remember(this.#other, key, remembered);
    isRight.then(
      (is) => {
        if (is && this.#other.get(key) === remembered) {
          this.#other.delete(key);
        }
        if (is) {
          remember(this.#right, key, remembered);
        }
      },
      () => this.#other.delete(key),
    );
    return isRight;
  }

  async #run(text: string, hash: Argon2Parameters, subscriber: string): Promise<boolean> {
    const before = this.#inFlight.get(subscriber) ?? 0;
    if (before >= PER_ADDRESS_LIMIT) {
      throw new PerchError('exhausted', `${before} passwords from this address are being checked: try again`, {
        retryAfterS: RETRY_AFTER_S,
      });
    }
    this.#inFlight.set(subscriber, before + 1);
    try {
      return await this.#gate.run(() => this.#verify(text, hash));
    } finally {
      const left = (this.#inFlight.get(subscriber) ?? 1) - 1;
      if (left > 0) {
        this.#inFlight.set(subscriber, left);
      } else {
        this.#inFlight.delete(subscriber);
      }
    }
  }
}

function remember(map: Map<string, Remembered>, key: string, remembered: Remembered): void {
  map.set(key, remembered);
  const oldest = map.keys().next();
  if (map.size > REMEMBER_LIMIT && !oldest.done) {
    map.delete(oldest.value);
  }
}
