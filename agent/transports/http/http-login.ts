import { createHash, randomBytes } from 'node:crypto';
import { fieldOf, type HttpReply } from '../../http-client/reply-reader.ts';
import {
  authorization,
  type Challenge,
  type Credentials,
  type Hash,
  nextNonceOf,
  parseChallenges,
} from '../../media/rtsp/digest.ts';

const CLIENT_NONCE_BYTES = 8;
/** What is sent before a challenge, where it may be. */
const BASIC = parseChallenges(['Basic'])[0] as Challenge;

/** A challenge that is answered with each request (RFC 7616 §3.3), whose count grows. */
class Answered {
  readonly challenge: Challenge;
  readonly #clientNonce = randomBytes(CLIENT_NONCE_BYTES).toString('hex');
  #count = 0;
  /** The server has accepted it: another nonce replaces it, whether the server says `stale` or not. */
  hasWorked = false;

  constructor(challenge: Challenge) {
    this.challenge = challenge;
  }

  get scheme(): string {
    const { scheme, algorithm, isSession } = this.challenge;
    return `${scheme} ${algorithm} ${isSession}`;
  }

  header(method: string, uri: string, credentials: Credentials): string {
    this.#count += 1;
    const use = { method, uri, clientNonce: this.#clientNonce, count: this.#count };
    return authorization(this.challenge, credentials, use, hash);
  }
}

interface HttpLoginAttempt {
  /** The value of Authorization, or undefined if the server has not asked yet. */
  header(): string | undefined;
  /** @returns whether to send the request again, with another header */
  mayAgain(reply: HttpReply): boolean;
}

/** The login of a server for all requests of a client, which may overlap. */
export class HttpLogin {
  readonly #credentials: Credentials;
  readonly #isSecure: boolean;
  #answered: Answered | undefined;
  /** In one of the server's answers so far. */
  #isDigestOffered = false;

  /** @param isSecure over TLS Basic is sent at once. Without, the password is sent unhashed only to a server that wants nothing else */
  constructor(credentials: Credentials, isSecure: boolean) {
    this.#credentials = credentials;
    this.#isSecure = isSecure;
    this.#answered = isSecure ? new Answered(BASIC) : undefined;
  }

  /** One request, which may need several attempts. */
  begin(method: string, uri: string): HttpLoginAttempt {
    const failed = new Set<string>();
    let sent: Answered | undefined;
    return {
      header: () => {
        sent = this.#answered;
        return sent?.header(method, uri, this.#credentials);
      },
      mayAgain: (reply) => this.#mayAgain(reply, sent, failed),
    };
  }

  #mayAgain(reply: HttpReply, sent: Answered | undefined, failed: Set<string>): boolean {
    // Some servers hide what they have from clients without a login.
    if (reply.status !== 401 && (reply.status !== 403 || sent)) {
      this.#accepted(reply, sent);
      return false;
    }
    if (this.#answered !== sent && this.#answered && !failed.has('outdated')) {
      // Another request has got a newer challenge meanwhile.
      failed.add('outdated');
      return true;
    }
    const challenges = parseChallenges(reply.headers['www-authenticate'] ?? []).map((one) => new Answered(one));
    const renewed = challenges.find(
      ({ scheme, challenge }) => scheme === sent?.scheme && challenge.nonce !== sent.challenge.nonce,
    );
    if (sent && renewed && (renewed.challenge.isStale || sent.hasWorked) && !failed.has('old nonce')) {
      failed.add('old nonce');
      this.#answered = renewed;
      return true;
    }
    if (sent) {
      failed.add(sent.scheme);
    }
    const isDigestOffered = challenges.some(({ challenge }) => challenge.scheme === 'digest');
    this.#isDigestOffered ||= isDigestOffered;
    // Only if Digest is not offered: otherwise an attacker could remove it and read the password.
    const isBasicSafe = !(this.#isSecure ? isDigestOffered : this.#isDigestOffered);
    const offered = challenges.length > 0 || sent ? challenges : [new Answered(BASIC)];
    const next = offered.find(
      ({ scheme, challenge }) => !failed.has(scheme) && (isBasicSafe || challenge.scheme === 'digest'),
    );
    if (next || this.#answered === sent) {
      // What was refused is not sent again: the next request gets a new challenge.
      this.#answered = next;
    }
    return next !== undefined;
  }

  #accepted({ headers }: HttpReply, sent: Answered | undefined): void {
    if (!sent) {
      return;
    }
    sent.hasWorked = true;
    const nonce = nextNonceOf(fieldOf(headers, 'authentication-info'));
    if (nonce !== undefined && this.#answered === sent) {
      this.#answered = new Answered({ ...sent.challenge, nonce });
      this.#answered.hasWorked = true;
    }
  }
}

const hash: Hash = (algorithm, text) => createHash(algorithm).update(text).digest('hex');
