import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { explain, PerchError } from '../../../base/errors.ts';
import type { WebRtcServer } from '../server.ts';
import { type IceServer, iceServerLinks } from './ice-servers.ts';
import { PLAYER_PAGE } from './player-page.ts';
import { READER_SCRIPT } from './reader-script.ts';
import { encodePath, isUuid, readSignallingUrl, type SignallingTarget } from './signalling-url.ts';

const OFFER_LIMIT_BYTES = 128 << 10;
const METHODS = 'OPTIONS, GET, POST, PATCH, DELETE';
const HEADERS = 'Authorization, Content-Type, If-Match';
const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';

/** Who may watch what. */
export interface HttpAccess {
  /** Throws PerchError 'unauthorized'. */
  require(request: FastifyRequest, action: 'read', path: string): Promise<void>;
  identify(request: FastifyRequest): { readonly ip: string; readonly user?: string; readonly sessionUser?: string };
}

export interface WebRtcPluginOptions {
  readonly server: WebRtcServer;
  readonly access: HttpAccess;
  /** Makes the hook that answers preflights and names allowed origins. */
  readonly cors: (
    methods: string,
    headers: string,
  ) => (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;
  /** What browsers are told to use. */
  readonly iceServers: readonly IceServer[];
  /** Whether a page can be shown for this path; without it every path has one. */
  readonly isConfigured?: (path: string) => boolean;
}

/** WHEP and the player page. One wildcard route, because path names may contain slashes. */
export const webrtcPlugin: FastifyPluginAsync<WebRtcPluginOptions> = async (app, options) => {
  // Every body is text here; a wrong type is answered in the protocol's own words.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: OFFER_LIMIT_BYTES }, (_request, body, done) => {
    done(null, body);
  });
  app.addHook('onRequest', options.cors(METHODS, HEADERS));
  const routes = new WhepRoutes(app, options);
  app.route({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: '/*',
    handler: (request, reply) => routes.answer(request, reply),
  });
};

class WhepRoutes {
  readonly #prefix: string;
  readonly #options: WebRtcPluginOptions;

  constructor(app: FastifyInstance, options: WebRtcPluginOptions) {
    this.#prefix = app.prefix;
    this.#options = options;
  }

  async answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const target = readSignallingUrl((request.params as { '*': string })['*']);
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    switch (target.kind) {
      case 'endpoint':
        return await this.#onEndpoint(target, request, reply);
      case 'session':
        return this.#onSession(target, request, reply);
      case 'script':
        return isRead ? sendScript(target.name, reply) : notFound(reply);
      case 'page':
        return isRead ? await this.#sendPage(target.path, request, reply) : notFound(reply);
      case 'redirect':
        return isRead ? this.#redirect(target.path, request, reply) : notFound(reply);
      case 'icon':
        return reply.code(204).send();
      case 'publisherPage':
        throw new PerchError('unsupported', 'publishing from a browser is not supported yet');
      default:
        return notFound(reply);
    }
  }

  async #onEndpoint(
    { protocol, path }: Extract<SignallingTarget, { kind: 'endpoint' }>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    if (request.method !== 'OPTIONS' && request.method !== 'POST') {
      return methodNotAllowed(reply);
    }
    if (protocol === 'whip') {
      throw new PerchError('unsupported', 'publishing over WHIP is not supported yet');
    }
    const { access, server } = this.#options;
    await access.require(request, 'read', path);
    if (request.method === 'OPTIONS') {
      server.prepare();
      reply.header('Access-Control-Allow-Methods', METHODS);
      reply.header('Access-Control-Allow-Headers', HEADERS);
      reply.header('Access-Control-Expose-Headers', 'Accept-Post, Link');
      reply.header('Accept-Post', SDP);
      this.#setLinks(reply);
      return reply.code(204).send();
    }
    return await this.#onOffer(path, request, reply);
  }

  async #onOffer(path: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    requireType(request, SDP);
    const { access, server } = this.#options;
    const { ip, user, sessionUser } = access.identify(request);
    const query = queryOf(request);
    const viewer = {
      path,
      query,
      remoteAddr: `${ip.includes(':') ? `[${ip}]` : ip}:${request.socket.remotePort ?? 0}`,
      userAgent: request.headers['user-agent'] ?? '',
      user: user ?? sessionUser ?? '',
    };
    const answered = await server.read(viewer, String(request.body ?? '')).catch(asBadRequest);
    const location = `${this.#prefix}/${encodePath(path)}/whep/${answered.secret}`;
    reply.header('Location', query === '' ? location : `${location}?${query}`);
    reply.header('Access-Control-Expose-Headers', 'ETag, ID, Accept-Patch, Link, Location');
    reply.header('ETag', '*');
    reply.header('ID', answered.id);
    reply.header('Accept-Patch', FRAGMENT);
    this.#setLinks(reply);
    return reply.code(201).type(SDP).send(answered.answer);
  }

  /** No login here: the secret in the URL is the credential. */
  #onSession(
    { secret }: Extract<SignallingTarget, { kind: 'session' }>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): FastifyReply {
    if (request.method !== 'PATCH' && request.method !== 'DELETE') {
      return methodNotAllowed(reply);
    }
    if (!isUuid(secret)) {
      throw new PerchError('badInput', 'invalid secret');
    }
    const { server } = this.#options;
    if (request.method === 'DELETE') {
      if (!server.end(secret)) {
        throw new PerchError('notFound', 'session not found');
      }
      return reply.send({ status: 'ok' });
    }
    requireType(request, FRAGMENT);
    const fragment = server.restart(secret, ufragOf(String(request.body ?? '')));
    if (fragment === undefined) {
      return reply.code(204).send();
    }
    const ufrag = /^a=ice-ufrag:(.+)$/m.exec(fragment)?.[1]?.trim() ?? '';
    return reply.header('ETag', `"${ufrag}"`).type(FRAGMENT).send(fragment);
  }

  async #sendPage(path: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    await this.#options.access.require(request, 'read', path);
    if (this.#options.isConfigured?.(path) === false) {
      return reply.code(500).send({ status: 'error', error: `path '${path}' is not configured` });
    }
    this.#options.server.prepare();
    return reply.header('Cache-Control', 'no-cache').type('text/html; charset=utf-8').send(PLAYER_PAGE);
  }

  #redirect(path: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const query = queryOf(request);
    return reply.redirect(`${this.#prefix}/${encodePath(path)}/${query === '' ? '' : `?${query}`}`, 302);
  }

  #setLinks(reply: FastifyReply): void {
    const links = iceServerLinks(this.#options.iceServers, this.#options.server.wallMs());
    if (links.length > 0) {
      reply.header('Link', links);
    }
  }
}

/** Players know 400, 401 and 404 here; the reason is in the text. */
function asBadRequest(error: unknown): never {
  const isOther = error instanceof PerchError && error.code !== 'notFound' && error.code !== 'unauthorized';
  throw isOther ? new PerchError('badInput', explain(error), error.context, error.cause) : error;
}

function requireType(request: FastifyRequest, type: string): void {
  const given = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (given !== type) {
    throw new PerchError('badInput', 'invalid Content-Type');
  }
}

/** The user fragment in a trickled fragment, RFC 8840 §9; throws for what is no fragment. */
function ufragOf(fragment: string): string | undefined {
  const lines = fragment.split(/\r\n|\n/).filter((line) => line !== '');
  if (lines.length === 0 || !lines.every((line) => /^[a-z]=/.test(line))) {
    throw new PerchError('badInput', 'the body is not an SDP fragment');
  }
  return lines
    .find((line) => line.startsWith('a=ice-ufrag:'))
    ?.slice('a=ice-ufrag:'.length)
    .trim();
}

const queryOf = (request: FastifyRequest): string => request.url.split(/\?(.*)/s)[1] ?? '';

function sendScript(name: 'reader.js' | 'publisher.js', reply: FastifyReply): FastifyReply {
  if (name === 'publisher.js') {
    throw new PerchError('unsupported', 'publishing from a browser is not supported yet');
  }
  return reply
    .header('Cache-Control', 'max-age=3600')
    .type('application/javascript; charset=utf-8')
    .send(READER_SCRIPT);
}

const methodNotAllowed = (reply: FastifyReply): FastifyReply =>
  reply.code(405).send({ status: 'error', error: 'method not allowed' });

const notFound = (reply: FastifyReply): FastifyReply =>
  reply.code(404).type('text/plain; charset=utf-8').send('404 page not found');
