import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { type Logger, redact } from '../base/log.ts';
import type { NewcomerMemory } from '../base/newcomer-memory.ts';
import type { KeyPair } from '../config/key-pair.ts';
import { limitConnections } from './connection-limit.ts';
import { answerError, installErrorHandler } from './errors.ts';
import { limitNewcomers } from './newcomers.ts';
import { catalogRoutes } from './openapi/catalog.ts';
import { finishSecure, secureOptions } from './secure-app.ts';
import { spareSlowBodies } from './slow-body.ts';
import { routeUpgrades, shouldUpgradeCallback } from './web-socket.ts';

const BODY_LIMIT_BYTES = 1 << 20;
const KEEP_ALIVE_MS = 30_000;
const DEFAULT_READ_TIMEOUT_MS = 10_000;
/**
 * How often requests that are late are looked for: Node's own half a minute would be three times as long as they have. Each listener
 * wakes up for it by itself.
 */
const LATE_CHECK_MS = 2_000;

export interface HttpAppOptions {
  readonly log: Logger;
  /** The whole request must have come in after this long. Answers may take as long as they like. */
  readonly readTimeoutMs?: number;
  /** With it the listener speaks TLS, and HTTP/2 in it. */
  readonly tls?: KeyPair;
  /** For what clients hold before they are let in; without it nothing bounds that. */
  readonly newcomers?: NewcomerMemory;
}

/** A Fastify instance for one listener, with everything that all of them share; its plugins are the caller's. */
export function createHttpApp({
  log,
  readTimeoutMs = DEFAULT_READ_TIMEOUT_MS,
  tls,
  newcomers,
}: HttpAppOptions): FastifyInstance {
  const options = {
    // Fastify tells each address that it listens on: that is dialogue.
    loggerInstance: fastifyLog(log),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Clips and event streams would keep the program from ending.
    forceCloseConnections: true,
    frameworkErrors: answerError,
    http: { shouldUpgradeCallback, connectionsCheckingInterval: LATE_CHECK_MS },
  };
  // To plugins both are the same: Node's compatible classes stand between.
  const secure = tls && {
    ...options,
    http2: true,
    https: { ...secureOptions(tls), shouldUpgradeCallback, connectionsCheckingInterval: LATE_CHECK_MS },
  };
  const app: FastifyInstance = fastify((secure ?? options) as typeof options);
  if (tls) {
    finishSecure(app, KEEP_ALIVE_MS, log);
  }
  limitConnections(app.server, log);
  if (newcomers) {
    limitNewcomers(app, newcomers, tls !== undefined);
  }
  spareSlowBodies(app);
  setReadTimeout(app, readTimeoutMs);
  routeUpgrades(app);
  catalogRoutes(app);
  // A form of another site can send text/plain without asking: whoever wants a body says which.
  app.removeContentTypeParser('text/plain');
  installErrorHandler(app);
  app.setNotFoundHandler((request, reply) => answerNotFound(app, '', request, reply));
  app.addHook('onResponse', async (request, reply) => {
    if (log.level !== 'debug') {
      return;
    }
    const ms = Math.round(reply.elapsedTime);
    log.debug({ method: request.method, url: redact(request.url), status: reply.statusCode, ms }, 'answered');
  });
  return app;
}

/** Holds at once, for requests that are coming in already, too. */
export function setReadTimeout({ server }: FastifyInstance, readTimeoutMs: number): void {
  server.requestTimeout = readTimeoutMs;
  // Node gives the longer of both to bodies, and heads have a minute by default.
  server.headersTimeout = readTimeoutMs;
}

/** Each request gets a child of its own, which is gone before a changed level could reach it. */
function fastifyLog(log: Logger): FastifyBaseLogger {
  const own = log.child({}, { level: log.level === 'debug' ? 'debug' : 'warn' });
  own.onChild = () => {};
  return own as FastifyBaseLogger;
}

/**
 * Plain `404 page not found`; a static route with a trailing slash too many or too few is redirected to,
 * relative to the request, so that it also works below a sub-folder of a proxy.
 */
export function answerNotFound(
  app: FastifyInstance,
  prefix: string,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const [path = '', query] = request.url.split(/\?(.*)/s);
  const other = path.endsWith('/') ? path.slice(0, -1) : `${path}/`;
  const name = other.replace(/\/$/, '').split('/').pop() ?? '';
  const isRoute = other.startsWith(`${prefix}/`) && other.length > 1 && !/[:*]/.test(other);
  // As a route has it: the last word may stand for any, or for whatever follows.
  const patterns = path.endsWith('/') ? [other, other.replace(/[^/]+$/, ':id')] : [other, `${other}*`];
  if (isRoute && patterns.some((url) => app.hasRoute({ method: request.method as 'GET', url }))) {
    const target = path.endsWith('/') ? `../${name}` : `${name}/`;
    const isGet = request.method === 'GET' || request.method === 'HEAD';
    return reply.redirect(query === undefined ? target : `${target}?${query}`, isGet ? 301 : 307);
  }
  return reply.code(404).type('text/plain; charset=utf-8').send('404 page not found');
}
