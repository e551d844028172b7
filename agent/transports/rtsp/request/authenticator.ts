import { createHash, randomBytes } from 'node:crypto';
import { type PerchError, rethrowUnexpected } from '../../../base/errors.ts';
import {
  authorization,
  type Challenge,
  type Credentials,
  type DigestAlgorithm,
  nextNonceOf,
  parseChallenges,
} from '../../../media/rtsp/digest.ts';
import type { RtspResponse } from '../../../media/rtsp/message.ts';
import type { LoginTurn, LoginWatch } from '../../../protocols/contract.ts';

const CLIENT_NONCE_BYTES = 8;

/** Answers a camera's challenges: the strongest scheme first, then the next one; again after a stale nonce. */
export class Authenticator {
  readonly #credentials: Credentials | undefined;
  readonly #isBasicAllowed: boolean;
  readonly #watch: LoginWatch | undefined;
  readonly #refused = new Set<string>();
  #challenge: Challenge | undefined;
  #clientNonce = '';
  #count = 0;
  #hasWorked = false;
  /** The last request contained the login. */
  #isShown = false;
  #barred: PerchError | undefined;
  #wantsClear = false;
  #turn: LoginTurn | undefined;

  /** @param isBasicAllowed Basic sends the password unhashed */
  constructor(credentials: Credentials | undefined, isBasicAllowed: boolean, watch?: LoginWatch) {
    this.#credentials = credentials;
    this.#isBasicAllowed = isBasicAllowed;
    this.#watch = watch;
  }

  /** The camera offered only Basic, which is not allowed. */
  get wantsClear(): boolean {
    return this.#wantsClear;
  }

  /** Why `watch` did not let the login be sent. */
  get barred(): PerchError | undefined {
    return this.#barred;
  }

  get hasCredentials(): boolean {
    return this.#credentials !== undefined;
  }

  /** The Authorization header of a request; undefined before the first challenge. */
  header(method: string, uri: string): string | undefined {
    this.#isShown = this.#challenge !== undefined && (this.#turn !== undefined || !this.#isWithheld(this.#challenge));
    if (!this.#challenge || !this.#credentials || !this.#isShown) {
      return undefined;
    }
    this.#count += 1;
    const use = { method, uri, clientNonce: this.#clientNonce, count: this.#count };
    return authorization(this.#challenge, this.#credentials, use, hash);
  }

  /** Time spent waiting for login turns, in milliseconds. */
  get heldMs(): number {
    return this.#watch?.heldMs ?? 0;
  }

  /** The camera answered the last request with a status other than 401. */
  accept(response?: Pick<RtspResponse, 'headers' | 'status'>): void {
    const status = response?.status ?? 200;
    if (status < 300) {
      this.#turn?.accepted();
    } else if (status === 403 && this.#challenge) {
      this.#turn?.refused(schemeNameOf(this.#challenge));
    } else {
      // The camera may find another fault of the request before it checks the login.
      this.#turn?.end();
    }
    this.#turn = undefined;
    const nonce = nextNonceOf(response?.headers.get('Authentication-Info'));
    if (nonce !== undefined && this.#challenge) {
      this.#use({ ...this.#challenge, nonce });
    }
    this.#hasWorked = true;
  }

  /** The connection has ended. */
  lose(): void {
    this.#turn?.lost();
    this.#turn = undefined;
  }

  /** The camera answered 401. @returns whether to send the request again; waits for a login turn */
  async refuse(response: Pick<RtspResponse, 'headers'>, signal: AbortSignal): Promise<boolean> {
    if (!this.#credentials) {
      return false;
    }
    const all = parseChallenges(response.headers.all('WWW-Authenticate'));
    const challenges = all.filter(({ scheme }) => scheme === 'digest' || this.#isBasicAllowed);
    this.#wantsClear = all.length > 0 && challenges.length === 0;
    const current = this.#challenge;
    if (current && this.#isShown) {
      const renewed = challenges.find(
        (other) => schemeNameOf(other) === schemeNameOf(current) && other.nonce !== current.nonce,
      );
      if (renewed && (renewed.isStale || this.#hasWorked)) {
        this.#use(renewed);
        return true;
      }
      this.#refused.add(schemeNameOf(current));
      (this.#turn ?? this.#watch)?.refused(schemeNameOf(current));
      this.#turn = undefined;
    }
    const left = challenges.filter((challenge) => !this.#refused.has(schemeNameOf(challenge)));
    if (left.length === 0 || !(await this.#mayShow(signal))) {
      return false;
    }
    // Schemes rejected on other connections come last: the password itself may be right.
    const others = this.#watch?.refusedSchemes();
    this.#use(left.find((challenge) => !others?.has(schemeNameOf(challenge))) ?? (left[0] as Challenge));
    return true;
  }

  /** A rejected login is not sent again with each keep-alive of a session. */
  #isWithheld(challenge: Challenge): boolean {
    return this.#refused.has(schemeNameOf(challenge)) || this.#watch?.isWrong() === true;
  }

  async #mayShow(signal: AbortSignal): Promise<boolean> {
    try {
      this.#turn = await this.#watch?.turn(signal);
      return true;
    } catch (error) {
      rethrowUnexpected(error);
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

function schemeNameOf(challenge: Challenge): string {
  return challenge.scheme === 'basic' ? 'basic' : `${challenge.algorithm}${challenge.isSession ? '-sess' : ''}`;
}

function hash(algorithm: DigestAlgorithm, text: string): string {
  return createHash(algorithm).update(text).digest('hex');
}
