import { createHash, randomBytes } from 'node:crypto';
import { PerchError } from '../../../base/errors.ts';
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
  /** The last request had the login. */
  #isShown = false;
  #barred: PerchError | undefined;
  #wantsClear = false;
  #turn: LoginTurn | undefined;

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
    this.#isShown = this.#challenge !== undefined && (this.#turn !== undefined || !this.#isWithheld(this.#challenge));
    if (!this.#challenge || !this.#credentials || !this.#isShown) {
      return undefined;
    }
    this.#count += 1;
    const use = { method, uri, clientNonce: this.#clientNonce, count: this.#count };
    return authorization(this.#challenge, this.#credentials, use, hash);
  }

  /** How long it has waited until it may show the login. */
  get heldMs(): number {
    return this.#watch?.heldMs ?? 0;
  }

  /** The camera has answered the last header with something else than 401. */
  accept(response?: Pick<RtspResponse, 'headers' | 'status'>): void {
    const status = response?.status ?? 200;
    if (status < 300) {
      this.#turn?.accepted();
    } else if (status === 403 && this.#challenge) {
      this.#turn?.refused(kindOf(this.#challenge));
    } else {
      // What is wrong with the rest may be found before the login is looked at.
      this.#turn?.end();
    }
    this.#turn = undefined;
    const nonce = nextNonceOf(response?.headers.get('Authentication-Info'));
    if (nonce !== undefined && this.#challenge) {
      this.#use({ ...this.#challenge, nonce });
    }
    this.#hasWorked = true;
  }

  /** Nothing more comes on this connection. */
  lose(): void {
    this.#turn?.lost();
    this.#turn = undefined;
  }

  /** The camera answered 401: is there another answer to try, and may it be tried? Waits until it may. */
  async refuse(response: Pick<RtspResponse, 'headers'>, signal: AbortSignal): Promise<boolean> {
    if (!this.#credentials) {
      return false;
    }
    const all = parseChallenges(response.headers.all('WWW-Authenticate'));
    const challenges = all.filter(({ scheme }) => scheme === 'digest' || this.#mayTellPassword);
    this.#wantsClear = all.length > 0 && challenges.length === 0;
    const current = this.#challenge;
    if (current && this.#isShown) {
      const renewed = challenges.find((other) => kindOf(other) === kindOf(current) && other.nonce !== current.nonce);
      if (renewed && (renewed.isStale || this.#hasWorked)) {
        this.#use(renewed);
        return true;
      }
      this.#refused.add(kindOf(current));
      (this.#turn ?? this.#watch)?.refused(kindOf(current));
      this.#turn = undefined;
    }
    const left = challenges.filter((challenge) => !this.#refused.has(kindOf(challenge)));
    if (left.length === 0 || !(await this.#mayShow(signal))) {
      return false;
    }
    // What another connection was refused is tried last: the password itself may be right.
    const others = this.#watch?.refusedKinds();
    this.#use(left.find((challenge) => !others?.has(kindOf(challenge))) ?? (left[0] as Challenge));
    return true;
  }

  /** Within a session: what was refused is not shown with each keep-alive. */
  #isWithheld(challenge: Challenge): boolean {
    return this.#refused.has(kindOf(challenge)) || this.#watch?.isWrong() === true;
  }

  async #mayShow(signal: AbortSignal): Promise<boolean> {
    try {
      this.#turn = await this.#watch?.turn(signal);
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
