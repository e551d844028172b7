import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PerchError } from '../../../base/errors.ts';
import { shownPeer } from '../../../base/network/ip-address.ts';
import type { HttpAccess, Replicas } from '../../../protocols/contract.ts';
import type { HlsMuxer } from '../contracts/hls-muxer.ts';
import type { HlsServer, OpenMuxer, SoundForm } from '../server/server.ts';
import { ChromiumCompat, isChromiumPlayer } from '../sessions/chromium-compat.ts';
import { NO_RENUMBERING, Renumbering } from '../sessions/renumbering.ts';
import type { FormerSession, HlsSession, Requester } from '../sessions/sessions.ts';
import { parseDirectives } from './directives.ts';
import { addressQuery, beginningQuery, checkQuery, queryOf } from './request.ts';

/** Contains the session's secret. Each path has its own: browsers return it to the folder that set it. */
const SESSION_COOKIE = 'hlsSession';
/** Set to find out whether the player keeps cookies. */
const CHECK_COOKIE = 'cookieCheck';

/** All cookies of a name (RFC 6265 §5.4: those of deeper folders come first). */
export function cookiesOf(header: string | undefined, name: string): readonly string[] {
  if (header === undefined || !header.includes(name)) {
    return [];
  }
  const values: string[] = [];
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    // Browsers send fewer cookies of one name; forged headers may have thousands.
    if (equals > 0 && pair.slice(0, equals).trim() === name && values.length < 16) {
      values.push(pair.slice(equals + 1).trim());
    }
  }
  return values;
}

/**
 * A Set-Cookie value. Over TLS, pages of other sites that embed the player get the cookie too, partitioned by site. Over plain HTTP, where
 * browsers drop Secure cookies, only pages of this site get it. It has no Path: it is valid for the folder of the request, behind any proxy
 * prefix.
 */
export function cookie(name: string, value: string, isSecure: boolean): string {
  return `${name}=${value}; HttpOnly; ${isSecure ? 'Secure; SameSite=None; Partitioned' : 'SameSite=Lax'}`;
}

/** 404: players take 401 for a wrong password, which they do not repeat. */
export const endedSession = (path: string): PerchError =>
  new PerchError('notFound', 'this session has ended, or belongs to another path: open index.m3u8 again', { path });

/** An authorized request. */
export interface Admitted {
  readonly session: HlsSession;
  readonly muxer: HlsMuxer;
  /** Query with its `?`, for the URLs in playlists. */
  readonly query: string;
  /** The query contains the session's secret, so no other viewer sends it. */
  readonly isOwnQuery: boolean;
}

/** GStreamer's hlsdemux2 keeps the cookies of the first response only: its session is in the URLs. */
const KEEPS_FIRST_COOKIES = /GStreamer|libsoup/;
const BEARER = /^Bearer +(\S+)$/i;
/** AppleCoreMedia of iOS and macOS before 17 and 14 lacks Opus in fMP4; so does Safari's Media Source Extensions. */
const WITHOUT_OPUS =
  /AppleCoreMedia\/1\.0\.0\.(?:[0-9]|1[0-9]|20)[A-Z]|Version\/(?:[0-9]|1[0-6])\.[\d.]+ (?:Mobile\/\w+ )?Safari/;

/** Admits viewers: authenticates at the multivariant playlist, then identifies them by their session. */
export class SessionAccess {
  readonly #access: HttpAccess;
  /** Called at each request: the server may restart while its listeners continue. */
  readonly #server: () => HlsServer;
  readonly #replicas: Replicas | undefined;

  constructor(access: HttpAccess, server: () => HlsServer, replicas?: Replicas) {
    this.#access = access;
    this.#server = server;
    this.#replicas = replicas;
  }

  /** Secrets that a request names, unless this server has one of their sessions, and no other one may have it again. */
  secretsElsewhere(request: FastifyRequest, path: string): readonly string[] {
    const { secret } = this.#sessionOf(request, path) ?? {};
    if (this.#isCdn(request) || secret !== undefined) {
      return secret !== undefined && this.#replicas?.mayAnswer(secret) ? [secret] : [];
    }
    const named = parameter(request, 'session');
    return [...(named === undefined ? [] : [named]), ...cookiesOf(request.headers.cookie, SESSION_COOKIE)];
  }

  /** Ends the session of a request that its former server has answered. */
  giveBack(request: FastifyRequest, path: string): void {
    const session = this.#sessionOf(request, path);
    if (session) {
      this.#server().sessions.kick(session.id, 'another server has it');
    }
  }

  /** @returns undefined if the player is redirected to test its cookies */
  async begin(request: FastifyRequest, reply: FastifyReply, path: string): Promise<Admitted | undefined> {
    const server = this.#server();
    const query = queryOf(request.url);
    const { headers } = request;
    const plainQuery = beginningQuery(query, undefined);
    if (this.#isCdn(request)) {
      const { muxer, origin } = await server.open(path, plainQuery.slice(1), requestedForm(request));
      const session = server.sessions.ofCdn(this.#requesterOf(request, path), muxer, origin);
      return { session, muxer, query: plainQuery, isOwnQuery: false };
    }
    // The next playlist depends on the previous one: two players in one browser need two sessions despite their shared
    // cookies.
    const isAlone = isChromiumPlayer(request);
    const known = isAlone ? undefined : this.#sessionOf(request, path);
    const keepsCookies = cookiesOf(headers.cookie, CHECK_COOKIE).includes('1');
    if (!known && !keepsCookies && parameter(request, 'cookieCheck') !== '1') {
      await this.#checkGuess(request, path);
      reply.header('Set-Cookie', cookie(CHECK_COOKIE, '1', this.#access.isSecure(request)));
      reply.redirect(`./index.m3u8${checkQuery(query)}`, 302);
      return undefined;
    }
    await this.#access.require(request, 'read', path);
    const { muxer, origin } = await server.open(path, plainQuery.slice(1), formOf(request));
    const session =
      known && !known.isEnded
        ? known
        : server.sessions.open(this.#requesterOf(request, path), muxer, origin, known ?? this.#named(path));
    session.admit(this.#access.ip(request));
    session.muxer = muxer;
    const hasCookies = keepsCookies || cookiesOf(headers.cookie, SESSION_COOKIE).includes(session.secret);
    const isInCookie = hasCookies && !isAlone && !KEEPS_FIRST_COOKIES.test(headers['user-agent'] ?? '');
    if (isInCookie) {
      reply.header('Set-Cookie', cookie(SESSION_COOKIE, session.secret, this.#access.isSecure(request)));
    }
    return {
      session,
      muxer,
      query: isInCookie ? plainQuery : beginningQuery(query, session.secret),
      isOwnQuery: !isInCookie,
    };
  }

  /**
   * For everything below the multivariant playlist. A player is authorized again when its address changes (the NAT of a
   * carrier, IPv4 and IPv6) and when its session has ended.
   * @param continues a request for a playlist, whose player continues with the path's next stream
   * @param inherited secret of a session with another server, which has ended
   * @throws PerchError unauthorized; notFound without a session of this path, and without a muxer
   */
  async admit(request: FastifyRequest, path: string, continues = false, inherited?: string): Promise<Admitted> {
    const server = this.#server();
    if (this.#isCdn(request)) {
      const { muxer, origin } = opened(server.find(path, requestedForm(request)), path);
      const session = server.sessions.ofCdn(this.#requesterOf(request, path), muxer, origin);
      return admitted(session, muxer, request);
    }
    const known = this.#sessionOf(request, path);
    const ip = this.#access.ip(request);
    if (!known?.isOpenTo(ip)) {
      await this.#access.require(request, 'read', path);
    }
    const form = formOf(request);
    if (!known && inherited !== undefined) {
      return this.#inherit(request, path, form, inherited);
    }
    if (!known) {
      throw endedSession(path);
    }
    known.admit(ip);
    if (!known.isEnded) {
      return admitted(known, opened(server.find(path, form), path).muxer, request);
    }
    if (!continues) {
      throw endedSession(path);
    }
    const query = beginningQuery(queryOf(request.url), undefined).slice(1);
    let next: OpenMuxer | undefined;
    await known.waitFor(async () => {
      next = await server.reopen(path, query, form);
    });
    const { muxer, origin } = opened(next, path);
    const session = server.sessions.open(this.#requesterOf(request, path), muxer, origin, known);
    session.chromium ??= known.chromium && new ChromiumCompat();
    return admitted(session, muxer, request);
  }

  /** @throws PerchError notFound for a player whose next number is not known, unless it is ffmpeg, which follows any */
  async #inherit(request: FastifyRequest, path: string, form: SoundForm, secret: string): Promise<Admitted> {
    const server = this.#server();
    const { msn, part } = parseDirectives(request.query as Readonly<Record<string, unknown>>);
    if (msn === undefined && !isLavf(request)) {
      throw endedSession(path);
    }
    // A segment that the player has in parts never ends. With another content hls.js rejects its number.
    const next = msn === undefined || part === undefined ? msn : msn + 1;
    const query = beginningQuery(queryOf(request.url), undefined).slice(1);
    const { muxer, origin } = await server.reopen(path, query, form);
    const former = { secret, renumbering: Renumbering.of(muxer, next, server.clock) };
    const session = server.sessions.open(this.#requesterOf(request, path), muxer, origin, former);
    session.admit(this.#access.ip(request));
    return admitted(session, muxer, request);
  }

  /** For a session whose secret tells other servers where it is. */
  #named(path: string): FormerSession | undefined {
    const secret = this.#replicas?.newSecret(path);
    return secret === undefined ? undefined : { secret, renumbering: NO_RENUMBERING };
  }

  /** A viewer whose session is in its cookie, without a query, or undefined if `admit` decides. */
  admitByCookie(raw: IncomingMessage, path: string): Admitted | undefined {
    const server = this.#server();
    const session = this.#sessionOfCookie(raw.headers.cookie, path);
    if (!session?.isOpenTo(this.#access.ip({ raw }))) {
      return undefined;
    }
    const muxer = server.find(path, formOf({ headers: raw.headers, query: {} }))?.muxer;
    if (!muxer) {
      return undefined;
    }
    session.muxer = muxer;
    return { session, muxer, query: '', isOwnQuery: false };
  }

  /** The URL takes precedence over cookies, which all players of a browser share. */
  #sessionOf(request: FastifyRequest, path: string): HlsSession | undefined {
    const secret = parameter(request, 'session');
    const named = secret === undefined ? undefined : this.#server().sessions.find(secret, path);
    return named ?? this.#sessionOfCookie(request.headers.cookie, path);
  }

  #sessionOfCookie(header: string | undefined, path: string): HlsSession | undefined {
    const { sessions } = this.#server();
    let former: HlsSession | undefined;
    for (const one of cookiesOf(header, SESSION_COOKIE)) {
      const session = sessions.find(one, path);
      if (session && !session.isEnded) {
        return session;
      }
      former ??= session;
    }
    return former;
  }

  #isCdn({ headers }: FastifyRequest): boolean {
    const secret = this.#server().options.cdnSecret ?? '';
    const [, token] = secret === '' ? [] : (BEARER.exec(headers.authorization ?? '') ?? []);
    return token !== undefined && timingSafeEqual(digest(token), digest(secret));
  }

  /**
   * A token that is not the CDN's secret may be another credential. Wrong ones are delayed, so that the secret cannot
   * be guessed.
   */
  async #checkGuess(request: FastifyRequest, path: string): Promise<void> {
    if (this.#server().options.cdnSecret && BEARER.test(request.headers.authorization ?? '')) {
      await this.#access.require(request, 'read', path);
    }
  }

  #requesterOf(request: FastifyRequest, path: string): Requester {
    const { ip, user, sessionUser, request: facts } = this.#access.identify(request);
    return {
      id: facts?.id ?? undefined,
      path,
      query: beginningQuery(queryOf(request.url), undefined).slice(1),
      ip,
      remoteAddr: shownPeer(ip, request.socket.remotePort ?? 0),
      user: user ?? sessionUser ?? '',
      userAgent: request.headers['user-agent'] ?? '',
    };
  }
}

/** Two players of one browser share a session and may request different audio. */
function admitted(session: HlsSession, muxer: HlsMuxer, request: FastifyRequest): Admitted {
  session.muxer = muxer;
  const query = addressQuery(queryOf(request.url));
  return { session, muxer, query, isOwnQuery: query.includes('session=') };
}

function opened(muxer: OpenMuxer | undefined, path: string): OpenMuxer {
  if (!muxer) {
    throw new PerchError('notFound', 'no such file in this stream, or no longer', { path });
  }
  return muxer;
}

/** Hashes a text, so that comparing digests takes the same time whatever its length and content. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export const isLavf = ({ headers }: Pick<FastifyRequest, 'headers'>): boolean =>
  headers['user-agent']?.startsWith('Lavf/') === true;

type HeadersAndQuery = Pick<FastifyRequest, 'headers' | 'query'>;

function parameter(request: HeadersAndQuery, name: string): string | undefined {
  const value = (request.query as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'string' ? value : undefined;
}

/** The requested audio form: the only choice where one response is cached for many. */
const requestedForm = (request: HeadersAndQuery): SoundForm =>
  parameter(request, 'audio') === 'flac' ? 'flac' : 'plain';

/** The audio form as requested, or by the player's known limits. */
const formOf = (request: HeadersAndQuery): SoundForm =>
  WITHOUT_OPUS.test(request.headers['user-agent'] ?? '') ? 'flac' : requestedForm(request);
