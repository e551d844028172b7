import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { WrongCredentials } from '../../auth/throttle/wrong-credentials.ts';
import { PerchError } from '../../base/errors.ts';
import { canonicalIp, IpList } from '../../base/ip-address.ts';
import { type Logger, redact } from '../../base/log.ts';
import { letIn } from '../listener/newcomers.ts';
import {
  cookieOf,
  credentialsOf,
  GUEST_COOKIE,
  mayBeAdded,
  sessionTokenOf,
  writtenCredentialsOf,
} from './credentials.ts';
import { isBrowser, isByTls, originOf, type RequestOrigin } from './request-origin.ts';

export type HttpAction = 'read' | 'publish' | 'playback' | 'api' | 'metrics' | 'pprof' | 'admin';

export interface Identity {
  readonly ip: string;
  readonly isLoopback: boolean;
  readonly isPrivate: boolean;
  /** A page of another machine may have made a browser of a private network send this. */
  readonly mayBeForged: boolean;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** Whose session's cookie came with the request, or the name of the guest whose link's cookie did. */
  readonly sessionUser?: string;
  readonly request: {
    readonly protocol: string;
    /** Of the session that the request may open, a UUID. */
    readonly id: string | null;
    /** As it was sent, without `?`. */
    readonly query: string;
    readonly userAgent: string;
  };
}

/** The part of the decisions that HTTP needs. */
export interface HttpAuthority {
  authorize(
    action: HttpAction,
    path: string,
    identity: Identity,
  ): Promise<{
    readonly allowed: boolean;
    readonly reason: string;
    readonly challenge: boolean;
    readonly isKnown?: boolean;
    readonly isGuess?: boolean;
    readonly user?: string;
    readonly advice?: string;
  }>;
}

/** Somebody whom the owner has let in, or the owner. */
export interface KnownPerson {
  readonly name: string;
  readonly role: 'owner' | 'viewer' | 'guest';
  may(action: string, path: string): boolean;
}

export interface SessionLookup {
  /** Whose session this token is. Counts as a use. */
  sessionUser(token: string): string | undefined;
  /** Whose link to guests this token is. */
  guest(token: string): KnownPerson | undefined;
  person(name: string): KnownPerson | undefined;
}

export interface HttpAccessOptions {
  readonly authority: HttpAuthority;
  readonly sessions: SessionLookup;
  /** One for all listeners: an address waits everywhere. */
  readonly wrongCredentials: WrongCredentials;
  /** Addresses and subnets whose `X-Forwarded-*` is believed. */
  readonly trustedProxies: readonly string[];
  readonly log: Logger;
  /** None for those that carry no media live. */
  readonly protocol?: string;
  readonly openingMethod?: 'GET' | 'POST';
  /** The listener shows the page, where people log in: apart from the players' own pages it asks no browser for a name and password. */
  readonly isOfPage?: boolean;
}

/** What may be a token in a query: that may be a guess, too. */
const QUERY_TOKEN = /[?&](?:token|jwt)=./;
/** Methods of requests that change nothing (RFC 9110 §9.2.1). */
export const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const SHOWN_URL_CHARS = 256;

/** Asks who a request is and whether it may: the one that every plugin of a listener is given. */
export class HttpAccess {
  readonly #options: HttpAccessOptions;
  readonly #trusted: IpList;
  /** The names that tokens gave. */
  readonly #names = new WeakMap<FastifyRequest, string>();
  /** What the sessions that requests open are going to be called: whoever is asked for permission is told. */
  readonly #ids = new WeakMap<FastifyRequest, string>();

  constructor(options: HttpAccessOptions) {
    this.#options = options;
    this.#trusted = new IpList(options.trustedProxies);
  }

  /** The same for a server that carries live media. @param openingMethod of requests that open sessions */
  as(protocol: string, openingMethod: 'GET' | 'POST'): HttpAccess {
    return new HttpAccess({ ...this.#options, protocol, openingMethod });
  }

  origin(request: FastifyRequest): RequestOrigin {
    const { raw } = request;
    return originOf(raw.headers, raw.socket.remoteAddress ?? '', isByTls(raw), this.#trusted);
  }

  /** The address of `origin` alone: it is asked at each part that a player fetches. */
  ip(request: FastifyRequest): string {
    const peer = request.raw.socket.remoteAddress ?? '';
    return this.#trusted.isEmpty ? (canonicalIp(peer) ?? '') : this.origin(request).ip;
  }

  isSecure(request: FastifyRequest): boolean {
    return this.origin(request).isSecure;
  }

  /** Once it has been let in: with the name that it goes by from there on. */
  identify(request: FastifyRequest): Identity {
    const user = this.#names.get(request);
    return { ...this.#identify(request), ...(user === undefined ? {} : { user }) };
  }

  #identify(request: FastifyRequest): Identity {
    const { ip, isLoopback, isPrivate, isSameOrigin, isForeign, mayBeForged } = this.origin(request);
    const { method, headers } = request;
    const isWritten = !isForeign || !mayBeAdded(method, headers);
    // A cookie comes along with whatever another page makes the browser send: then it may neither change anything
    // nor be read from (Origin stands in every such request that a script could read, WebSockets among them).
    const isHarmless = SAFE_METHODS.has(method) && headers.origin === undefined;
    const sessionUser = isHarmless || isSameOrigin ? this.#cookieUser(request) : undefined;
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
      request: this.#factsOf(request),
    };
  }

  #factsOf(request: FastifyRequest): Identity['request'] {
    const { url, headers } = request;
    const question = url.indexOf('?');
    const query = question < 0 ? '' : url.slice(question + 1);
    const { protocol = '' } = this.#options;
    return { protocol, id: this.#idOf(request), query, userAgent: headers['user-agent'] ?? '' };
  }

  /** A session goes before a link: whoever has both is more than a guest. */
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

  /** The viewer or guest whose cookie came with the request; undefined for the owner, and for whoever is none of the box's people. */
  limitedPerson(request: FastifyRequest): KnownPerson | undefined {
    const { sessionUser } = this.identify(request);
    const person = sessionUser === undefined ? undefined : this.#options.sessions.person(sessionUser);
    return person?.role === 'owner' ? undefined : person;
  }

  /** Returns when the request may do this, throws 'unauthorized' when not (after a pause, if wrong credentials came with it). */
  async require(request: FastifyRequest, action: HttpAction, path: string): Promise<void> {
    const identity = this.#identify(request);
    const { authority, wrongCredentials, log } = this.#options;
    const hasCredentials = [identity.user, identity.password, identity.token].some(Boolean);
    const mayHaveToken = QUERY_TOKEN.test(request.url);
    if (hasCredentials || mayHaveToken) {
      wrongCredentials.checkRoom(identity.ip);
    }
    const { allowed, reason, challenge, isKnown, isGuess, user, advice } = await authority.authorize(
      action,
      path,
      identity,
    );
    if (allowed) {
      letIn(request, hasCredentials);
      if (user !== undefined) {
        this.#names.set(request, user);
      }
      return;
    }
    if (hasCredentials || isGuess || (isKnown && mayHaveToken)) {
      const facts = factsOf(request, path, { reason, action, ip: identity.ip, user: identity.user });
      // A page asks on its viewer's behalf what he may do besides: that is no guess at a password.
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
   * People log in on the page, and a browser would go on sending what they type into its own dialog. Where a page of another site is
   * behind the request they would be asked again for what the browser has sent already.
   */
  #mayChallenge(request: FastifyRequest): boolean {
    const { method, headers } = request;
    const { isOfPage = false, protocol = '' } = this.#options;
    const isDropped = mayBeAdded(method, headers) && this.origin(request).isForeign;
    return !isDropped && !(isOfPage && protocol === '' && isBrowser(headers));
  }

  /** Whether a request that was let in may do this besides; never waits. By what it brought, not by the name that its token gave. */
  async mayAlso(request: FastifyRequest, action: HttpAction): Promise<boolean> {
    return (await this.#options.authority.authorize(action, '', this.#identify(request))).allowed;
  }

  /** Whether the request may do this; never waits, so only for what came without name and password. */
  async allows(request: FastifyRequest, action: HttpAction): Promise<boolean> {
    const { ip, isLoopback, isPrivate, mayBeForged, sessionUser, request: facts } = this.#identify(request);
    const identity = {
      ip,
      isLoopback,
      isPrivate,
      mayBeForged,
      request: { ...facts, query: '' },
      ...(sessionUser === undefined ? {} : { sessionUser }),
    };
    return (await this.#options.authority.authorize(action, '', identity)).allowed;
  }
}

/** For the log: what of the API has no path is known by its address. */
function factsOf({ method, url }: FastifyRequest, path: string, facts: object): object {
  return { ...(path === '' ? {} : { path }), ...facts, method, url: redact(url).slice(0, SHOWN_URL_CHARS) };
}
