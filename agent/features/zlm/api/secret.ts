import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { IpList } from '../../../base/network/ip-address.ts';
import type { ZlmParameters } from '../../../protocols/contract.ts';
import { CODE } from './call.ts';

const CHALLENGE_MS = 300_000;
const LOGIN_MS = 86_400_000;
export const CHALLENGE_COOKIE = 'ZLM_UNLOGIN';
export const LOGIN_COOKIE = 'ZLM_LOGINED';

export interface Caller {
  readonly ip: string;
  readonly isPrivate: boolean;
  /** The value of a cookie. */
  cookie(name: string): string | undefined;
}

/** The answer in place of the call's; `isGuess`: the caller sent a secret. */
export interface RejectedCall {
  readonly code: number;
  readonly msg: string;
  readonly cookie?: string;
  readonly isGuess: boolean;
}

interface SecretOptions {
  /** The secret in force. */
  secret(): string;
  /** Addresses that may call; empty: this box and private networks. */
  allowedIps(): readonly string[];
  readonly clock: Clock;
}

/** The secret of ZLMediaKit's calls, and the cookies of logged-in callers. */
export class CallSecret {
  readonly #options: SecretOptions;
  readonly #challenges: Remembered;
  readonly #logins: Remembered;

  constructor(options: SecretOptions) {
    this.#options = options;
    this.#challenges = new Remembered(CHALLENGE_MS, options.clock);
    this.#logins = new Remembered(LOGIN_MS, options.clock);
  }

  /** Why a call is rejected, or undefined if it is allowed. */
  refusal(parameters: ZlmParameters, caller: Caller): RejectedCall | undefined {
    if (!this.#isFromAllowed(caller)) {
      const msg = 'Your ip is not allowed to access the service.';
      return { code: CODE.unauthorized, msg, isGuess: false };
    }
    const given = parameters.get('secret');
    const secret = this.#options.secret();
    if (given !== undefined && isSame(given, secret)) {
      return undefined;
    }
    // A login stores the secret it was made with: a changed secret ends all logins.
    if (given === undefined && this.#logins.get(caller.cookie(LOGIN_COOKIE)) === secret) {
      return undefined;
    }
    return this.#challenge(given !== undefined);
  }

  /** `digest` is md5 of `zlmediakit:SECRET:COOKIE` with the challenge's cookie. @returns the cookie of the login */
  logIn(digest: string, caller: Caller): string | RejectedCall {
    if (!this.#isFromAllowed(caller)) {
      return { code: CODE.unauthorized, msg: 'Your ip is not allowed to access the service.', isGuess: false };
    }
    const challenge = caller.cookie(CHALLENGE_COOKIE);
    const secret = this.#options.secret();
    if (challenge === undefined || this.#challenges.get(challenge) === undefined) {
      return this.#challenge(false);
    }
    // A challenge is valid for one attempt.
    this.#challenges.forget(challenge);
    const expected = createHash('md5').update(`zlmediakit:${secret}:${challenge}`).digest('hex');
    return isSame(digest.toLowerCase(), expected) ? this.#logins.add(secret) : this.#challenge(true);
  }

  #challenge(isGuess: boolean): RejectedCall {
    const cookie = this.#challenges.add('');
    return { code: CODE.unauthorized, msg: 'Please login first', cookie, isGuess };
  }

  #isFromAllowed({ ip, isPrivate }: Caller): boolean {
    const allowed = this.#options.allowedIps();
    return allowed.length === 0 ? isPrivate : new IpList(allowed).has(ip);
  }
}

/** Random cookie values, each with a stored value. They expire; above the limit the oldest is dropped. */
class Remembered {
  readonly #lifeMs: number;
  readonly #clock: Clock;
  readonly #values = new Map<string, { readonly value: string; readonly untilMs: number }>();

  constructor(lifeMs: number, clock: Clock) {
    this.#lifeMs = lifeMs;
    this.#clock = clock;
  }

  add(value: string): string {
    const name = randomBytes(18).toString('base64url');
    putBounded(this.#values, name, { value, untilMs: this.#clock.monoMs() + this.#lifeMs }, 500);
    return name;
  }

  get(name: string | undefined): string | undefined {
    const found = name === undefined ? undefined : this.#values.get(name);
    return found && found.untilMs > this.#clock.monoMs() ? found.value : undefined;
  }

  forget(name: string): void {
    this.#values.delete(name);
  }
}

/** Compares in constant time. */
function isSame(a: string, b: string): boolean {
  const [one, other] = [a, b].map((text) => createHash('sha256').update(text).digest());
  return one !== undefined && other !== undefined && b !== '' && timingSafeEqual(one, other);
}
