import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Accounts } from '../../auth/accounts/accounts.ts';
import type { Person } from '../../auth/accounts/person.ts';
import type { Authority } from '../../auth/permissions/authorize.ts';
import type { Action, Identity } from '../../auth/permissions/identity.ts';
import type { WrongCredentials } from '../../auth/throttle/wrong-credentials.ts';
import { PerchError } from '../../base/errors.ts';
import { type Logger, redact } from '../../base/log.ts';
import { canonicalIp, IpList } from '../../base/network/ip-address.ts';
import { letIn } from '../listener/pre-login.ts';
import {
  cookieOf,
  credentialsOf,
  GUEST_COOKIE,
  mayBeAdded,
  sessionTokenOf,
  writtenCredentialsOf,
} from './credentials.ts';
import { carriedOrigin, isBrowser, isByTls, originOf, type RequestOrigin } from './request-origin.ts';
import { notePermitted, serverOf } from './signed-requests.ts';

type HttpIdentity = Identity & Required<Pick<Identity, 'mayBeForged' | 'request'>>;

interface HttpAccessOptions {
  readonly authority: Pick<Authority, 'authorize'>;
  readonly sessions: Pick<Accounts, 'sessionUser' | 'guest' | 'person'>;
  /** Shared by all listeners, so that an address waits everywhere. */
  readonly wrongCredentials: WrongCredentials;
  /** Addresses and subnets whose `X-Forwarded-*` counts. */
  trustedProxies(): readonly string[];
  readonly log: Logger;
  /** Protocol of live media that the listener serves. */
  readonly protocol?: string;
  readonly openingMethod?: 'GET' | 'POST';
  /** The listener serves the page, which has its own login: apart from players' pages it sends no challenge. */
  readonly isOfPage?: boolean;
}

/** Query parameters that may be tokens, and therefore guesses. */
const QUERY_TOKEN = /[?&](?:token|jwt)=./;
/** Safe methods (RFC 9110 §9.2.1). */
export const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const SHOWN_URL_CHARS = 256;

/** Authentication and authorization of requests, for all plugins of a listener. */
export class HttpAccess {
  readonly #options: HttpAccessOptions;
  #trusted = new IpList([]);
  #trustedProxies: readonly string[] = [];
  /** User names from tokens. */
  readonly #names = new WeakMap<FastifyRequest, string>();
  /** Ids of the sessions that requests open, for external authentication. */
  readonly #ids = new WeakMap<FastifyRequest, string>();

  constructor(options: HttpAccessOptions) {
    this.#options = options;
  }

  /** The access for a server of live media. @param openingMethod method of requests that open sessions */
  as(protocol: string, openingMethod: 'GET' | 'POST'): HttpAccess {
    return new HttpAccess({ ...this.#options, protocol, openingMethod });
  }

  origin({ raw }: Pick<FastifyRequest, 'raw'>): RequestOrigin {
    const { headers, socket, httpVersion } = raw;
    return (
      carriedOrigin(raw) ?? originOf(headers, socket.remoteAddress ?? '', isByTls(raw), this.#trustedNow(), httpVersion)
    );
  }

  #trustedNow(): IpList {
    const proxies = this.#options.trustedProxies();
    if (proxies !== this.#trustedProxies) {
      this.#trustedProxies = proxies;
      this.#trusted = new IpList(proxies);
    }
    return this.#trusted;
  }

  /** The address of `origin` without the rest, for each part that a player fetches. */
  ip(request: Pick<FastifyRequest, 'raw'>): string {
    const peer = request.raw.socket.remoteAddress ?? '';
    const isPeer = this.#trustedNow().isEmpty && !carriedOrigin(request.raw);
    return isPeer ? (canonicalIp(peer) ?? '') : this.origin(request).ip;
  }

  isSecure(request: FastifyRequest): boolean {
    return this.origin(request).isSecure;
  }

  /** The requester, with the name that authorization gave. */
  identify(request: FastifyRequest): HttpIdentity {
    const user = this.#names.get(request);
    return { ...this.#identify(request), ...(user === undefined ? {} : { user }) };
  }

  #identify(request: FastifyRequest): HttpIdentity {
    const { ip, isLoopback, isPrivate, isSameOrigin, isForeign, mayBeForged } = this.origin(request);
    const { method, headers } = request;
    const server = serverOf(request);
    if (server !== undefined) {
      return { ip, isLoopback: false, isPrivate, mayBeForged: false, server, request: this.#factsOf(request) };
    }
    const isWritten = !isForeign || !mayBeAdded(method, headers);
    // Browsers send cookies with requests of foreign pages: these may neither change anything nor read replies (any such request that a
    // script could read has an Origin, WebSockets included).
    const isHarmless = SAFE_METHODS.has(method) && headers.origin === undefined;
    const isCookieTaken = isHarmless || isSameOrigin;
    const sessionUser = isCookieTaken ? this.#cookieUser(request) : undefined;
    const hasCookie = isCookieTaken && sessionUser === undefined && hasLoginCookie(request);
    if (sessionUser !== undefined) {
      letIn(request, true);
    }
    return {
      ip,
      isLoopback,
      isPrivate,
      mayBeForged,
      ...(isWritten ? credentialsOf(headers) : writtenCredentialsOf(headers)),
      ...(sessionUser === undefined ? {} : { sessionUser }),
      ...(hasCookie ? { hasCookie } : {}),
      request: this.#factsOf(request),
    };
  }

  #factsOf(request: FastifyRequest): HttpIdentity['request'] {
    const { url, headers } = request;
    const question = url.indexOf('?');
    const query = question < 0 ? '' : url.slice(question + 1);
    const { protocol = '' } = this.#options;
    return { protocol, id: this.#idOf(request), query, userAgent: headers['user-agent'] ?? '' };
  }

  /** A session takes precedence over a guest link. */
  #cookieUser({ headers }: FastifyRequest): string | undefined {
    const { sessions } = this.#options;
    const [token, link] = [sessionTokenOf(headers), cookieOf(headers, GUEST_COOKIE)];
    const user = token === undefined ? undefined : sessions.sessionUser(token);
    return user ?? (link === undefined ? undefined : sessions.guest(link)?.name);
  }

  #idOf(request: FastifyRequest): string | null {
    if (request.method !== this.#options.openingMethod) {
      return null;
    }
    const id = this.#ids.get(request) ?? randomUUID();
    this.#ids.set(request, id);
    return id;
  }

  /** The viewer or guest of the cookie; undefined for the owner and for other clients. */
  limitedPerson(request: FastifyRequest): Person | undefined {
    const { sessionUser } = this.identify(request);
    const person = sessionUser === undefined ? undefined : this.#options.sessions.person(sessionUser);
    return person?.role === 'owner' ? undefined : person;
  }

  /** Resolves if the request is permitted. @throws PerchError unauthorized, after a pause for wrong credentials; unavailable if no person is known */
  async require(request: FastifyRequest, action: Action, path: string): Promise<void> {
    const identity = this.#identify(request);
    const { authority, wrongCredentials, log } = this.#options;
    const hasCredentials = [identity.user, identity.password, identity.token].some(Boolean);
    const mayHaveToken = QUERY_TOKEN.test(request.url);
    if (hasCredentials || mayHaveToken) {
      wrongCredentials.checkRoom(identity.ip);
    }
    const { allowed, reason, challenge, isKnown, isGuess, user, advice, unknown } = await authority.authorize(
      action,
      path,
      identity,
    );
    if (allowed) {
      letIn(request, hasCredentials || identity.server !== undefined);
      if (identity.server !== undefined) {
        notePermitted(request, action, path);
      }
      if (user !== undefined) {
        this.#names.set(request, user);
      }
      return;
    }
    if (unknown) {
      throw unknown;
    }
    if (hasCredentials || isGuess || (isKnown && mayHaveToken)) {
      const facts = factsOf(request, path, { reason, action, ip: identity.ip, user: identity.user });
      // A page asks for its viewer's further rights, which is not a guess.
      if (isKnown) {
        log.info(facts, 'not permitted');
      } else {
        log.warn(facts, 'failed to authenticate');
        await wrongCredentials.pause(identity.ip);
      }
    }
    throw new PerchError('unauthorized', advice ?? 'authentication error', {
      challenge: challenge && this.#mayChallenge(request),
      action,
      path,
      ip: identity.ip,
    });
  }

  /**
   * No challenge where people log in on the page, because browsers repeat what was typed into their dialog; and none for foreign pages, which
   * may have used stored credentials already.
   */
  #mayChallenge(request: FastifyRequest): boolean {
    const { method, headers } = request;
    const { isOfPage = false, protocol = '' } = this.#options;
    const isDropped = mayBeAdded(method, headers) && this.origin(request).isForeign;
    return !isDropped && !(isOfPage && protocol === '' && isBrowser(headers));
  }

  /** Whether an authorized request may also do this; never waits. By its credentials, not by its token's name. */
  async mayAlso(request: FastifyRequest, action: Action): Promise<boolean> {
    return (await this.#options.authority.authorize(action, '', this.#identify(request))).allowed;
  }

  /** Whether the request may do this; never waits, so only without name and password. */
  async allows(request: FastifyRequest, action: Action): Promise<boolean> {
    const { ip, isLoopback, isPrivate, mayBeForged, sessionUser, server, request: facts } = this.#identify(request);
    const identity = {
      ip,
      isLoopback,
      isPrivate,
      mayBeForged,
      request: { ...facts, query: '' },
      ...(sessionUser === undefined ? {} : { sessionUser }),
      ...(server === undefined ? {} : { server }),
    };
    return (await this.#options.authority.authorize(action, '', identity)).allowed;
  }
}

const hasLoginCookie = ({ headers }: FastifyRequest): boolean =>
  sessionTokenOf(headers) !== undefined || cookieOf(headers, GUEST_COOKIE) !== undefined;

/** Facts of a request for the log. API requests without a path are identified by their address. */
function factsOf({ method, url }: FastifyRequest, path: string, facts: object): object {
  return { ...(path === '' ? {} : { path }), ...facts, method, url: redact(url).slice(0, SHOWN_URL_CHARS) };
}
