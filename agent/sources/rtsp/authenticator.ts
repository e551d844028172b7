import { createHash, randomBytes } from 'node:crypto';
import { PerchError } from '../../base/errors.ts';
import {
  authorization,
  type Challenge,
  type Credentials,
  type DigestAlgorithm,
  nextNonceOf,
  parseChallenges,
} from '../../media/rtsp/digest.ts';
import type { RtspResponse } from '../../media/rtsp/message.ts';

const CLIENT_NONCE_BYTES = 8;

/** Keeps account of a login over all connections: cameras lock out whoever comes with a wrong password too often. */
export interface LoginWatch {
  /**
   * Asked before the login is shown.
   * @param isNext in another scheme, after the first was refused on this connection
   * @throws PerchError with `waitMs`: not now
   */
  check(isNext: boolean): void;
  /** The camera has answered, with whatever: told before what became of the login, if that is known. */
  answered(): void;
  refused(): void;
  accepted(): void;
}

/** Answers a camera's challenges: the strongest first, the next when that is refused, and again when its nonce has grown old. */
export class Authenticator {
  readonly #credentials: Credentials | undefined;
  readonly #mayTellPassword: boolean;
  readonly #watch: LoginWatch | undefined;
  readonly #refused = new Set<string>();
  #challenge: Challenge | undefined;
  #clientNonce = '';
  #count = 0;
  #hasWorked = false;
  #barred: PerchError | undefined;
  #wantsClear = false;

  /** @param mayTellPassword Basic, which sends the password as it is, may be used */
  constructor(credentials: Credentials | undefined, mayTellPassword: boolean, watch?: LoginWatch) {
    this.#credentials = credentials;
    this.#mayTellPassword = mayTellPassword;
    this.#watch = watch;
  }

  /** The camera asked for the password in the clear alone, and was not told it. */
  get wantsClear(): boolean {
    return this.#wantsClear;
  }

  /** Why the login was not shown, when it could have been. */
  get barred(): PerchError | undefined {
    return this.#barred;
  }

  get hasCredentials(): boolean {
    return this.#credentials !== undefined;
  }

  /** The Authorization header of a request, undefined while none has been asked for. */
  header(method: string, uri: string): string | undefined {
    if (!this.#challenge || !this.#credentials) {
      return undefined;
    }
    this.#count += 1;
    const use = { method, uri, clientNonce: this.#clientNonce, count: this.#count };
    return authorization(this.#challenge, this.#credentials, use, hash);
  }

  /** The last header was accepted. */
  accept(response?: Pick<RtspResponse, 'headers' | 'status'>): void {
    // What is wrong with the rest may be found before the login is looked at.
    if (this.#challenge && !this.#hasWorked) {
      this.#watch?.answered();
      if ((response?.status ?? 200) < 300) {
        this.#watch?.accepted();
      }
    }
    const nonce = nextNonceOf(response?.headers.get('Authentication-Info'));
    if (nonce !== undefined && this.#challenge) {
      this.#use({ ...this.#challenge, nonce });
    }
    this.#hasWorked = true;
  }

  /** The camera answered 401: is there another answer to try? */
  refuse(response: Pick<RtspResponse, 'headers'>): boolean {
    if (!this.#credentials) {
      return false;
    }
    const all = parseChallenges(response.headers.all('WWW-Authenticate'));
    const challenges = all.filter(({ scheme }) => scheme === 'digest' || this.#mayTellPassword);
    this.#wantsClear = all.length > 0 && challenges.length === 0;
    const current = this.#challenge;
    if (current) {
      const renewed = challenges.find((other) => kindOf(other) === kindOf(current) && other.nonce !== current.nonce);
      if (renewed && (renewed.isStale || this.#hasWorked)) {
        this.#use(renewed);
        return true;
      }
      this.#refused.add(kindOf(current));
      this.#watch?.answered();
      this.#watch?.refused();
    }
    const next = challenges.find((challenge) => !this.#refused.has(kindOf(challenge)));
    if (!next || !this.#mayShow(current !== undefined)) {
      return false;
    }
    this.#use(next);
    return true;
  }

  #mayShow(isNext: boolean): boolean {
    try {
      this.#watch?.check(isNext);
      return true;
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.#barred = error;
      return false;
    }
  }

  #use(challenge: Challenge): void {
    this.#challenge = challenge;
    this.#clientNonce = randomBytes(CLIENT_NONCE_BYTES).toString('hex');
    this.#count = 0;
    this.#hasWorked = false;
  }
}

function kindOf(challenge: Challenge): string {
  return challenge.scheme === 'basic' ? 'basic' : `${challenge.algorithm}${challenge.isSession ? '-sess' : ''}`;
}

function hash(algorithm: DigestAlgorithm, text: string): string {
  return createHash(algorithm).update(text).digest('hex');
}
