import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { endpointOf } from '../../../base/network/ip-address.ts';
import {
  type BasicAnswer,
  type DigestAlgorithm,
  type DigestAnswer,
  type Hash,
  parseAuthorization,
  verifyDigest,
  writeChallenge,
} from '../../../media/rtsp/digest.ts';
import type { HeaderField, RtspRequest } from '../../../media/rtsp/message.ts';
import type { SessionAccess, SessionCredentials } from '../../../protocols/contract.ts';
import type { Response } from './response.ts';
import type { RtspTarget } from './target.ts';

interface AuthenticatedLink {
  /** IP address without port. */
  readonly ip: string;
  /** `address:port`, with brackets for IPv6. */
  readonly remote: string;
  /** The local end; undefined for a tunnel. */
  readonly local: string | undefined;
}

export type AuthMethod = 'basic' | 'digest';

const PROTOCOL = 'rtsp';
const REALM = 'ipcam';
const NONCE_LIFE_MS = 10 * 60_000;
const RETRY_AFTER_S = 4;

const hash: Hash = (algorithm, text) => createHash(algorithm).update(text).digest('hex');

/** The user's name, or the response that rejects the request. */
type AuthResult = { readonly user: string } | { readonly response: Response };

/** Authenticates a connection's client, RFC 2326 §D, RFC 7616, RFC 7617. Nonces belong to the connection. */
export class Authentication {
  readonly #methods: readonly AuthMethod[];
  readonly #access: SessionAccess;
  readonly #link: AuthenticatedLink;
  readonly #clock: Clock;
  #nonce = '';
  #nonceEndsMs = Number.NEGATIVE_INFINITY;

  constructor(methods: readonly AuthMethod[], access: SessionAccess, link: AuthenticatedLink, clock: Clock) {
    this.#methods = methods;
    this.#access = access;
    this.#link = link;
    this.#clock = clock;
  }

  /** @param id of the session, or of the connection for a request outside of sessions; as in MediaMTX */
  async check(
    action: 'read' | 'publish' | 'playback',
    target: RtspTarget,
    request: RtspRequest,
    id: string,
  ): Promise<AuthResult> {
    const given = this.#credentialsOf(request);
    if (given?.scheme === 'digest' && !this.#isFresh(given)) {
      return { response: this.#challenge(this.#methods, true) };
    }
    const credentials = given && credentialsOf(given, request.method);
    const userAgent = request.headers.get('User-Agent') ?? '';
    const { ip, remote, local } = this.#link;
    const connection = local === undefined ? undefined : { client: endpointOf(remote), server: endpointOf(local) };
    const requester = { protocol: PROTOCOL, ip, connection, id, userAgent, query: target.query, credentials };
    try {
      const result = await this.#access.authorize(action, target.name, requester);
      if (typeof result === 'object') {
        return result;
      }
      const offered = this.#offered(action, target.name);
      if (result === 'challenge') {
        return { response: this.#challenge(offered, false) };
      }
      // The password may be stored in a form that only Basic can verify.
      const isBasicLeft = given?.scheme === 'digest' && !offered.includes('digest');
      return {
        response: isBasicLeft ? this.#challenge(offered, false) : { status: 401, closeReason: 'not permitted' },
      };
    } catch (error) {
      if (error instanceof PerchError && (error.code === 'exhausted' || error.code === 'unavailable')) {
        const { retryAfterS = RETRY_AFTER_S } = error.context;
        return { response: { status: 503, headers: [['Retry-After', `${retryAfterS}`]], closeReason: error.message } };
      }
      throw error;
    }
  }

  #offered(action: 'read' | 'publish' | 'playback', path: string): readonly AuthMethod[] {
    const isChoice = this.#methods.includes('basic') && this.#methods.includes('digest');
    return isChoice && !this.#access.offersDigest(action, path, { protocol: PROTOCOL, ip: this.#link.ip })
      ? ['basic']
      : this.#methods;
  }

  /** Credentials of a method that is not offered are ignored. */
  #credentialsOf(request: RtspRequest): BasicAnswer | DigestAnswer | undefined {
    const given = parseAuthorization(request.headers.get('Authorization') ?? '');
    return given && this.#methods.includes(given.scheme) ? given : undefined;
  }

  #isFresh(given: DigestAnswer): boolean {
    return given.realm === REALM && given.nonce === this.#nonce && this.#clock.monoMs() < this.#nonceEndsMs;
  }

  #challenge(methods: readonly AuthMethod[], isStale: boolean): Response {
    const headers: HeaderField[] = [];
    if (methods.includes('digest')) {
      this.#nonce = randomBytes(16).toString('hex');
      this.#nonceEndsMs = this.#clock.monoMs() + NONCE_LIFE_MS;
      // FFmpeg uses the last Digest challenge, whatever its algorithm.
      headers.push(this.#digest('sha256', isStale), this.#digest('md5', isStale));
    }
    if (methods.includes('basic')) {
      const basic = writeChallenge({ scheme: 'basic', realm: REALM, nonce: '', algorithm: 'md5' });
      headers.push(['WWW-Authenticate', basic]);
    }
    return { status: 401, headers };
  }

  #digest(algorithm: DigestAlgorithm, isStale: boolean): HeaderField {
    return [
      'WWW-Authenticate',
      writeChallenge({ scheme: 'digest', realm: REALM, nonce: this.#nonce, algorithm, isStale }),
    ];
  }
}

function credentialsOf(given: BasicAnswer | DigestAnswer, method: string): SessionCredentials {
  if (given.scheme === 'basic') {
    return { user: given.user, password: given.password };
  }
  // The URI is not compared: players differ in it, and the nonce belongs to this connection.
  return { user: given.user, proves: (password) => verifyDigest(given, method, password, hash) };
}
