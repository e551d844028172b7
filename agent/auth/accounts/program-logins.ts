import { createHmac, randomBytes } from 'node:crypto';
import { putBounded } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { isPrivateIp, subscriberOf } from '../../base/network/ip-address.ts';
import { LoginLimits } from '../throttle/login-limits.ts';
import type { Users } from './users.ts';

/** How long a verified pair is not hashed again: a player sends name and password with each request. */
const REMEMBER_MS = 10 * 60_000;
/** How long after its last use a right pair of name and password is not counted at its address. */
const KEPT_MS = 86_400_000;

/** Name and password of a request. */
export interface ProgramLogin {
  readonly user: string;
  /** Undefined: the request has a Digest answer that no known password of the file makes. */
  readonly password: string | undefined;
  readonly isDigest: boolean;
  /** Canonical. */
  readonly ip: string;
}

/** Outcome of an attempt. `open`: the password was not verified. */
export type Outcome = 'right' | 'wrong' | 'open';

/** Concurrent requests with one pair, which count as one attempt. */
interface Pending {
  count: number;
  isWrong: boolean;
  readonly giveBack: (isOpen: boolean) => void;
}

/**
 * Counts wrong names and passwords of programs, which send them with each request, whether the name exists or not. A pair that was right at
 * an address is not counted there again: its player keeps working while another client at that address guesses.
 */
export class ProgramLogins {
  readonly #clock: Clock;
  readonly #limits: LoginLimits;
  /** Separate limits for Digest, because players send a page password as Digest first, which always fails, and then as Basic. */
  readonly #digestLimits: LoginLimits;
  readonly #right = new Map<string, number>();
  readonly #pending = new Map<string, Pending>();
  /** HMAC key of this run, so that memory and dumps hold no passwords. */
  readonly #key = randomBytes(32);

  /** @param limits of the page's login, counted together with Basic */
  constructor(clock: Clock, limits: LoginLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#digestLimits = new LoginLimits(clock);
  }

  /** @returns to be called with the outcome @throws PerchError exhausted if there are no attempts left */
  take(login: ProgramLogin, isKnownAddress: boolean): (outcome: Outcome) => void {
    const key = login.password === undefined ? undefined : this.#keyOf(login);
    if (key !== undefined && (this.#right.get(key) ?? Number.NEGATIVE_INFINITY) > this.#clock.monoMs()) {
      return (outcome) => this.#remember(key, outcome);
    }
    const pending = (key === undefined ? undefined : this.#pending.get(key)) ?? this.#attempt(login, isKnownAddress);
    pending.count += 1;
    if (key !== undefined) {
      this.#pending.set(key, pending);
    }
    return (outcome) => {
      pending.count -= 1;
      pending.isWrong ||= outcome === 'wrong';
      if (key !== undefined) {
        this.#remember(key, outcome);
      }
      if (pending.count > 0) {
        return;
      }
      if (key !== undefined) {
        this.#pending.delete(key);
      }
      if (!pending.isWrong) {
        pending.giveBack(outcome === 'open');
      }
    };
  }

  #attempt({ user, isDigest, ip }: ProgramLogin, isKnownAddress: boolean): Pending {
    const limits = isDigest ? this.#digestLimits : this.#limits;
    const giveBack = limits.take({ ip, isPrivate: isPrivateIp(ip), account: user, isKnownAddress });
    return { count: 0, isWrong: false, giveBack };
  }

  #remember(key: string, outcome: Outcome): void {
    if (outcome === 'open') {
      return;
    }
    if (outcome === 'right') {
      putBounded(this.#right, key, this.#clock.monoMs() + KEPT_MS, 1_000);
    } else {
      this.#right.delete(key);
    }
  }

  #keyOf({ user, password, ip }: ProgramLogin): string {
    const text = JSON.stringify([user, password, subscriberOf(ip)]);
    return createHmac('sha256', this.#key).update(text).digest('base64');
  }
}

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
