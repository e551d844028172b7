import { createHmac, randomBytes } from 'node:crypto';
import { putBounded } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { subscriberOf } from '../../base/network/ip-address.ts';
import type { Users } from './users.ts';

/** How long a verified pair is not hashed again: a player sends name and password with each request. */
const REMEMBER_MS = 10 * 60_000;

/** Passwords of requests, verified once for each name and address. */
export class VerifiedPasswords {
  readonly #users: Users;
  readonly #clock: Clock;
  readonly #remembered = new Map<string, { readonly untilMs: number; readonly isRight: Promise<boolean> }>();
  readonly #key = randomBytes(32);

  constructor(users: Users, clock: Clock) {
    this.#users = users;
    this.#clock = clock;
  }

  /** An unknown name takes as long as a wrong password. */
  async verify(user: string, password: string, ip: string): Promise<boolean> {
    const nowMs = this.#clock.monoMs();
    const key = this.#cacheKeyOf(user, password, ip);
    const known = this.#remembered.get(key);
    if (known && known.untilMs > nowMs) {
      return known.isRight;
    }
    // Cached while pending, because a player opens several connections at once.
    const isRight = this.#users.verify(user, password);
    putBounded(this.#remembered, key, { untilMs: nowMs + REMEMBER_MS, isRight }, 64);
    let isKept = false;
    try {
      isKept = await isRight;
    } finally {
      if (!isKept) {
        this.#remembered.delete(key);
      }
    }
    return isKept;
  }

  /** Keyed by a secret of this run, so that memory and dumps hold no passwords; bound to the stored hash and the address. */
  #cacheKeyOf(user: string, password: string, ip: string): string {
    const stamp = this.#users.stampOf(user) ?? '';
    const text = JSON.stringify([user, password, stamp, subscriberOf(ip)]);
    return createHmac('sha256', this.#key).update(text).digest('base64');
  }
}
