import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { subscriberOf } from '../../base/ip-address.ts';
import { Attempts } from './login-attempts.ts';

/** Guesses at one account by all those together who have never been in: from private networks, and from elsewhere. */
const STRANGERS_NEAR = 100;
const STRANGERS_FAR = 30;

/** One attempt to log in. */
export interface Guess {
  /** Canonical. */
  readonly ip: string;
  readonly isPrivate: boolean;
  /** The name that was given, whether somebody has it or not. Undefined: the setup code. */
  readonly account: string | undefined;
  /** The device has shown that somebody was logged in on it to this account. */
  readonly device?: string | undefined;
  /** Somebody is logged in to this account from this address. */
  readonly isKnownAddress: boolean;
}

/**
 * How often somebody may be wrong within ten minutes: ten times from one address, and all strangers together so many times
 * for one account, whatever number of addresses they have. A device or an address that has been in has ten of its own, which
 * nobody else can use up; and strangers from elsewhere leave those of private networks theirs. So whoever guesses from
 * outside locks neither the owner's phone out, wherever it is, nor a new one at home.
 */
export class LogInLimits {
  readonly #known: Attempts;
  readonly #addresses: Attempts;
  readonly #near: Attempts;
  readonly #far: Attempts;

  constructor(clock: Clock) {
    this.#known = new Attempts(clock);
    this.#addresses = new Attempts(clock);
    this.#near = new Attempts(clock, STRANGERS_NEAR, 'for this user');
    this.#far = new Attempts(clock, STRANGERS_FAR, 'for this user');
  }

  /** Throws when there are no attempts left. @returns to be called when this one was not wrong, or nothing was found out (`isOpen`) */
  take(guess: Guess): (isOpen?: boolean) => void {
    const key = knownAs(guess);
    if (key !== undefined) {
      this.#known.take(key, guess.ip);
      return (isOpen) => (isOpen ? this.#known.giveBack(key) : this.#known.succeeded(key));
    }
    const { ip, isPrivate } = guess;
    // Hashed: what is kept of a name is short, however long it is.
    const account = createHash('sha256')
      .update(guess.account ?? '')
      .digest('base64');
    const strangers = isPrivate ? this.#near : this.#far;
    this.#addresses.take(ip);
    try {
      strangers.take(account, ip);
    } catch (error) {
      this.#addresses.giveBack(ip);
      throw error;
    }
    // Given back, not forgotten: whoever has one password of his own could guess at another's without end.
    return () => {
      this.#addresses.giveBack(ip);
      strangers.giveBack(account);
    };
  }
}

function knownAs({ ip, account, device, isKnownAddress }: Guess): string | undefined {
  if (account === undefined) {
    return undefined;
  }
  if (device !== undefined) {
    return `device ${device} ${account}`;
  }
  return isKnownAddress ? `address ${subscriberOf(ip)} ${account}` : undefined;
}
