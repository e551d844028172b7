import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { subscriberOf } from '../../base/network/ip-address.ts';
import { LoginAttempts } from './login-attempts.ts';

/** Attempts for one account by all unknown clients together: from private networks, and from elsewhere. */
const UNKNOWN_PRIVATE = 100;
const UNKNOWN_PUBLIC = 30;

/** One login attempt. */
interface LoginAttempt {
  /** Canonical. */
  readonly ip: string;
  readonly isPrivate: boolean;
  /** The given name, existing or not. Undefined: the setup code. */
  readonly account: string | undefined;
  /** Id of a device that was logged in to this account before. */
  readonly device?: string | undefined;
  /** Whether this address has a session of this account. */
  readonly isKnownAddress: boolean;
}

/**
 * Limits wrong attempts within ten minutes: ten from one address, and a total for one account over all unknown clients. A device or an
 * address that has been logged in has its own ten, and unknown clients of private networks have their own total: guesses from outside
 * lock out neither the owner's phone nor a new one at home.
 */
export class LoginLimits {
  readonly #known: LoginAttempts;
  readonly #addresses: LoginAttempts;
  readonly #private: LoginAttempts;
  readonly #public: LoginAttempts;

  constructor(clock: Clock) {
    this.#known = new LoginAttempts(clock);
    this.#addresses = new LoginAttempts(clock);
    this.#private = new LoginAttempts(clock, UNKNOWN_PRIVATE, 'for this user');
    this.#public = new LoginAttempts(clock, UNKNOWN_PUBLIC, 'for this user');
  }

  /** @throws PerchError if no attempts are left @returns call if the attempt was not wrong, or not verified (`isOpen`) */
  take(attempt: LoginAttempt): (isOpen?: boolean) => void {
    const key = knownAs(attempt);
    if (key !== undefined) {
      this.#known.take(key, attempt.ip);
      return (isOpen) => (isOpen ? this.#known.giveBack(key) : this.#known.succeeded(key));
    }
    const { ip, isPrivate } = attempt;
    // Hashed to bound the length.
    const account = createHash('sha256')
      .update(attempt.account ?? '')
      .digest('base64');
    const unknown = isPrivate ? this.#private : this.#public;
    this.#addresses.take(ip);
    try {
      unknown.take(account, ip);
    } catch (error) {
      this.#addresses.giveBack(ip);
      throw error;
    }
    // Given back, not reset: a client with one right password could otherwise guess others without end.
    return () => {
      this.#addresses.giveBack(ip);
      unknown.giveBack(account);
    };
  }
}

function knownAs({ ip, account, device, isKnownAddress }: LoginAttempt): string | undefined {
  if (account === undefined) {
    return undefined;
  }
  if (device !== undefined) {
    return `device ${device} ${account}`;
  }
  return isKnownAddress ? `address ${subscriberOf(ip)} ${account}` : undefined;
}
