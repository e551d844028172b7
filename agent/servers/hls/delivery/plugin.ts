import { join } from 'node:path';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, explain, explainToViewer, PerchError } from '../../../base/errors.ts';
import type { HttpAccess, PathRoutes, Replicas } from '../../../protocols/contract.ts';
import type { HlsRendition, MediaFile, MediaPlaylist } from '../contracts/hls-muxer.ts';
import { writeMediaPlaylist } from '../playlist/write-media.ts';
import { writeMultivariantPlaylist } from '../playlist/write-multivariant.ts';
import type { HlsServer } from '../server/server.ts';
import { ChromiumCompat, isChromiumPlayer } from '../sessions/chromium-compat.ts';
import type { HlsSession } from '../sessions/sessions.ts';
import { BlockingReloads, ENDED, type Fault } from './blocking-reloads.ts';
import { type Directives, parseDirectives, standing } from './directives.ts';
import { sendLibrary } from './library.ts';
import { PLAYER_PAGE } from './page.ts';
import { PlaylistTexts, playlistFormOf } from './playlist-texts.ts';
import { type Library, type PathRequest, parseRequest, queryOf } from './request.ts';
import { type Exchange, PLAYLIST_TYPE, sendFile, sendPlaylist, sendText, takeOver, vary, writeFile } from './send.ts';
import { type Admitted, endedSession, isLavf, SessionAccess } from './session-access.ts';
import { playerShortcut } from './shortcut.ts';

interface HlsPluginOptions {
  readonly server: HlsServer;
  readonly access: HttpAccess;
  /** Creates the hook for preflights and allowed origins. */
  readonly cors: (
    methods: string,
    headers: string,
  ) => (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>;
  /** Origins that `cors` allows. Without it every request takes the hooks of the listener. */
  readonly allowOrigins?: () => readonly string[];
  /** Whether the path exists or is configured. Without it, other servers' HLS addresses are not redirected. */
  readonly isConfigured?: (path: string) => boolean;
  /** Other routes below the paths. */
  readonly others?: PathRoutes;
  /** Servers that may have the session of a request. */
  readonly replicas?: Replicas | undefined;
  /** The built page, with the scripts of the player page. Without it only hls.js is available, from its package. */
  readonly pageFolder?: string;
}

/** Cache-Control for playlists, and for private content. */
const ALWAYS_ASK = 'private, no-cache';
const KEEP_AN_HOUR = 'private, max-age=3600';
const SHARED_HALF_MINUTE = 'public, max-age=30';
const SHARED_HOUR = 'public, max-age=3600';
/** Caching time in target durations: the response to a blocking request never changes (RFC 8216bis §B.1). */
const KEPT_TARGETS = 6;

/** The query is in every line of a playlist: enough for a token, too little to make playlists of megabytes. */
const MAX_QUERY_CHARACTERS = 4_096;

/**
 * With more sessions than this a playlist for a single viewer is not compressed, which takes as long as the rest of the
 * response.
 */
const MAX_ZIPPED_ALONE = 16;

/** MediaMTX's HLS addresses, below any prefix: all URLs in playlists and pages are relative. */
export const hlsPlugin: FastifyPluginAsync<HlsPluginOptions> = async (app, options) => {
  const delivery = new Delivery(options, app.prefix);
  const { pageFolder } = options;
  const built = (name: string) => (pageFolder === undefined ? [] : [join(pageFolder, name)]);
  const libraries: Record<Library, readonly string[]> = {
    'hls.min.js': built('hls.min.js'),
    'near-live.js': built('near-live.js'),
    'perch-video.js': built('perch-video-hls.js'),
  };

  app.addHook('onRequest', options.cors('OPTIONS, GET', 'Authorization, Range'));
  const { allowOrigins, others } = options;
  if (allowOrigins) {
    const take = playerShortcut({ prefix: app.prefix, delivery, allowOrigins, others, fallBack: app.routing });
    app.shortcuts.add(take);
  }

  app.route({
    method: ['GET', 'HEAD', 'OPTIONS'],
    // A wildcard, because path names may contain slashes.
    url: '/*',
    handler: async (request, reply) => {
      const address = (request.params as { '*': string })['*'];
      if (options.others?.takes(address) && request.method !== 'OPTIONS') {
        return options.others.answer(address, request, reply);
      }
      const wanted = parseRequest(address);
      if (request.method === 'OPTIONS' || wanted.kind === 'nothing') {
        throw new PerchError('notFound', 'not found');
      }
      if (wanted.kind === 'library') {
        found((await sendLibrary(request, reply, libraries[wanted.name])) || undefined);
        return reply;
      }
      if (wanted.kind === 'redirect') {
        return reply.redirect(`${wanted.to}${queryOf(request.url)}`, 302);
      }
      return delivery.answer(wanted, request, reply);
    },
  });
};

class Delivery {
  readonly access: SessionAccess;
  readonly #options: HlsPluginOptions;
  readonly #prefix: string;
  readonly #texts = new PlaylistTexts();
  #blocking: BlockingReloads | undefined;

  constructor(options: HlsPluginOptions, prefix: string) {
    this.#options = options;
    this.#prefix = prefix;
    // Called at each request: the server may restart while its listeners continue.
    this.access = new SessionAccess(options.access, () => options.server, options.replicas);
  }

  async answer(wanted: PathRequest, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    // For errors and redirects; successful responses override it.
    reply.header('Cache-Control', 'no-store');
    const { length } = queryOf(request.url);
    if (length > MAX_QUERY_CHARACTERS) {
      throw new PerchError('badInput', `query of ${length} characters, at most ${MAX_QUERY_CHARACTERS} allowed`);
    }
    switch (wanted.kind) {
      case 'foreign':
        await this.#options.access.require(request, 'read', wanted.path);
        if (!this.#options.isConfigured?.(wanted.path)) {
          throw new PerchError('notFound', `there is no path '${wanted.path}'`, { path: wanted.path });
        }
        return reply.redirect(`${wanted.to}${queryOf(request.url)}`, 302);
      case 'page':
        await this.#options.access.require(request, 'read', wanted.path);
        return sendText(request, reply, 'text/html; charset=utf-8', 'max-age=3600', PLAYER_PAGE);
    }
    const elsewhere = this.#options.replicas && (await this.#elsewhere(this.#options.replicas, wanted, request, reply));
    if (elsewhere === 'answered') {
      this.access.giveBack(request, wanted.path);
      return reply;
    }
    switch (wanted.kind) {
      case 'multivariant':
        return this.#begin(wanted.path, request, reply);
      case 'media':
        return this.#sendMedia(wanted.path, wanted.rendition, request, reply, elsewhere?.inherited);
      case 'file':
        if (elsewhere) {
          throw lostFile(wanted.path);
        }
        return this.#sendFile(await this.access.admit(request, wanted.path), wanted.file, request, reply);
    }
  }

  /** Only for requests whose session is not here. */
  async #elsewhere(replicas: Replicas, { kind, path }: PathRequest, request: FastifyRequest, reply: FastifyReply) {
    // The prefix may be encoded, or follow a host (RFC 9112 §3.2.2); players send neither.
    const secrets = request.url.startsWith(`${this.#prefix}/`) ? this.access.secretsElsewhere(request, path) : [];
    const target = `/hls${request.url.slice(this.#prefix.length)}`;
    try {
      return secrets.length > 0 ? await replicas.answer({ request, reply, path, secrets, target }) : undefined;
    } catch (error) {
      if (kind === 'multivariant' && error instanceof PerchError) {
        request.log.warn({ path, ...error.context, cause: explain(error) }, 'an HLS session begins at this server');
        return undefined;
      }
      throw error;
    }
  }

  async #begin(path: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const admitted = await this.#orRefusal(reply, () => this.access.begin(request, reply, path));
    if (!admitted) {
      return reply;
    }
    const { muxer, query, session } = admitted;
    if (isChromiumPlayer(request) && !session.isCdn) {
      session.chromium = new ChromiumCompat();
    }
    const text = writeMultivariantPlaylist(muxer.renditions, query);
    return sendText(request, reply, PLAYLIST_TYPE, session.isCdn ? SHARED_HALF_MINUTE : ALWAYS_ASK, text);
  }

  /** @returns undefined if the reply is sent: the path refuses its readers */
  async #orRefusal<T>(reply: FastifyReply, admit: () => Promise<T>): Promise<T | undefined> {
    try {
      return await admit();
    } catch (error) {
      if (error instanceof PerchError && isRefusal(error)) {
        reply.code(500).send({ status: 'error', error: explainToViewer(error) });
        return undefined;
      }
      throw error;
    }
  }

  /** @param inherited secret of a session of a server that has ended */
  async #sendMedia(
    path: string,
    name: string,
    request: FastifyRequest,
    reply: FastifyReply,
    inherited?: string,
  ): Promise<FastifyReply> {
    const admitted = await this.#orRefusal(reply, () => this.access.admit(request, path, true, inherited));
    if (!admitted) {
      return reply;
    }
    const { muxer, session, query } = admitted;
    const rendition = found(muxer.renditions.find((other) => other.name === name));
    if (session.chromium && isChromiumPlayer(request)) {
      return this.#sendToChromium(session.chromium, admitted, rendition, request, reply);
    }
    const directives = session.renumbering.own(
      parseDirectives(request.query as Readonly<Record<string, unknown>>),
      rendition.playlist,
    );
    const isThere = () => standing(rendition, directives) === 'there';
    const fault = isThere() ? undefined : await this.wait(admitted, rendition, isThere);
    if (fault === ENDED) {
      return this.#sendMedia(path, name, request, reply);
    }
    if (fault) {
      return sendFault(reply, fault);
    }
    const cache = session.isCdn ? cdnCache(rendition, directives) : ALWAYS_ASK;
    if (session.knownInits.size > 0 || session.renumbering.isOn) {
      const all = this.#texts.text(rendition, muxer.renditions, playlistFormOf(directives), query);
      const shown = session.renumbering.shown(playlistForLavf(session, all));
      return sendText(request, reply, PLAYLIST_TYPE, cache, shown);
    }
    this.sendPlaylist(takeOver(request, reply), admitted, rendition, directives, cache);
    return reply;
  }

  sendPlaylist(
    exchange: Exchange,
    { muxer, query, isOwnQuery }: Admitted,
    rendition: HlsRendition,
    directives: Directives,
    cache = ALWAYS_ASK,
  ): void {
    const body = this.#texts.body(rendition, muxer.renditions, playlistFormOf(directives), query, !isOwnQuery);
    const mayZip = body.isKept || this.#options.server.sessions.count <= MAX_ZIPPED_ALONE;
    sendPlaylist(exchange, cache, body, mayZip);
  }

  async #sendToChromium(
    list: ChromiumCompat,
    admitted: Admitted,
    rendition: HlsRendition,
    request: FastifyRequest,
    reply: FastifyReply,
  ) {
    const { name } = rendition;
    let shown: MediaPlaylist | undefined;
    const isThere = () => {
      const leading = admitted.muxer.renditions[0]?.playlist;
      shown = rendition.playlist && leading && list.next(name, rendition.playlist, leading);
      return shown !== undefined;
    };
    const fault = isThere() ? undefined : await this.wait(admitted, rendition, isThere);
    if (fault) {
      return sendFault(reply, fault);
    }
    vary(reply, 'Accept-Encoding');
    const text = writeMediaPlaylist(found(shown), { query: admitted.query, skip: 'no', others: [] });
    return sendText(request, reply, PLAYLIST_TYPE, ALWAYS_ASK, text);
  }

  async #sendFile(admitted: Admitted, name: string, request: FastifyRequest, reply: FastifyReply) {
    const { muxer, session } = admitted;
    let file = muxer.file(name);
    const rendition = file ? undefined : muxer.awaiting(name);
    const isThere = () => {
      file = muxer.file(name);
      return file !== undefined || muxer.awaiting(name) === undefined;
    };
    const fault = rendition && (await this.wait(admitted, rendition, isThere));
    if (fault) {
      return sendFault(reply, fault);
    }
    if (!file && session.renumbering.isOn) {
      throw lostFile(session.requester.path);
    }
    const sent = found<MediaFile>(file);
    if (isLavf(request)) {
      readsAsLavf(session, sent.name);
    }
    return sendFile(request, reply, session.isCdn ? SHARED_HOUR : KEEP_AN_HOUR, sent, counter(admitted));
  }

  writeFile(exchange: Exchange, admitted: Admitted, file: MediaFile): void {
    writeFile(exchange, KEEP_AN_HOUR, file, counter(admitted));
  }

  /** @returns why the stream is not available */
  async wait(
    { muxer, session }: Admitted,
    rendition: HlsRendition,
    isThere: () => boolean,
  ): Promise<Fault | undefined> {
    this.#blocking ??= new BlockingReloads(this.#options.server.clock);
    const blocking = this.#blocking;
    try {
      await session.waitFor(() => blocking.until(rendition, isThere));
    } catch (error) {
      if (muxer.isClosed) {
        return ENDED;
      }
      if (error instanceof PerchError && error.code === 'unavailable') {
        return { status: 503, error: error.message };
      }
      throw error;
    }
    if (session.isEnded) {
      throw endedSession(session.requester.path);
    }
    this.#options.server.sessions.touch(session);
    return undefined;
  }
}

const counter =
  ({ session, muxer }: Admitted) =>
  (bytes: number): void => {
    session.outboundBytes += bytes;
    muxer.countSent(bytes);
  };

const sendFault = (reply: FastifyReply, { status, error }: Fault): FastifyReply =>
  reply.code(status).send({ status: 'error', error });

/** MediaMTX's status for errors of the path is 500. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['badInput', 'timeout', 'exhausted', 'unsupported']);

/** Whether the error is a refusal; temporary limits are not. */
const isRefusal = ({ code, context }: PerchError): boolean =>
  REFUSALS.has(code) && context['retryAfterS'] === undefined;

function cdnCache({ playlist }: HlsRendition, { msn }: Directives): string {
  if (playlist?.partTargetS !== undefined) {
    return msn === undefined ? 'public, no-cache' : `public, max-age=${playlist.targetDurationS * KEPT_TARGETS}`;
  }
  const lastS = playlist?.segments.at(-1)?.durationS ?? 1;
  return `public, max-age=${Math.max(1, Math.floor(lastS))}`;
}

/** 503, which players try again, and have a new playlist by then; 404 ends many of them. */
const lostFile = (path: string): PerchError =>
  new PerchError('unavailable', 'the file was of a server that has ended', { path, retryAfterS: 1 });

function found<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new PerchError('notFound', 'no such file in this stream, or no longer');
  }
  return value;
}

/**
 * ffmpeg 4 to 7 (`Lavf/…`) reads the init segment at each playlist reload and complains about the duplicate `moov`.
 * Once it has read an init segment in its session, playlists omit its EXT-X-MAP.
 */
function readsAsLavf(session: HlsSession, file: string): void {
  if (file.endsWith('_init.mp4') && session.knownInits.size < 32) {
    session.knownInits.add(file);
  }
}

/** The playlist without the EXT-X-MAP that ffmpeg has read; one after a discontinuity stays. */
function playlistForLavf(session: HlsSession, playlist: string): string {
  const [line, file = ''] = /^#EXT-X-MAP:URI="([^"?]+).*\n/m.exec(playlist) ?? [];
  return line !== undefined && session.knownInits.has(file) ? playlist.replace(line, '') : playlist;
}
