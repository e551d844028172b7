import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { PerchError } from '../../base/errors.ts';
import { type Logger, redact } from '../../base/log.ts';
import { type Caller, collectUnsaved } from '../../config/store/unsaved-changes.ts';
import { problemText } from '../../config/yaml/problem.ts';
import { catalogRoutes } from '../openapi/catalog.ts';
import { answerError, installErrorHandler } from './errors.ts';
import type { Listener } from './listeners.ts';
import { boundPreLogin } from './pre-login.ts';
import { dropLeftAnswers } from './secure-server.ts';

/** Perch's own header, in answers to requests that have changed the configuration of a file that cannot be written. */
const UNSAVED = 'Perch-Unsaved';
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

declare module 'fastify' {
  interface FastifyInstance {
    readonly shortcuts: Shortcuts;
  }
}

/** @returns false: Fastify answers the request */
type Shortcut = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Answers to GET over HTTP/1 without Fastify, whose hooks and objects cost more than most answers to players. */
class Shortcuts {
  #isOff: () => boolean = () => false;
  readonly #shortcuts: Shortcut[] = [];

  add(shortcut: Shortcut): void {
    this.#shortcuts.push(shortcut);
  }

  /** Fastify answers all requests while a hook applies to each. */
  offWhile(isOff: () => boolean): void {
    this.#isOff = isOff;
  }

  /** @returns whether the request is answered */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method !== 'GET' || request.httpVersionMajor !== 1 || this.#isOff()) {
      return false;
    }
    for (let i = 0; i < this.#shortcuts.length; i += 1) {
      if (this.#shortcuts[i]?.(request, response)) {
        return true;
      }
    }
    return false;
  }
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Open connections of its listeners. */
    readonly listeners: Set<Listener>;
  }
}

/** A Fastify instance for one or more listeners, with their common parts; the caller adds plugins. */
export function createHttpApp({ log }: { readonly log: Logger }): FastifyInstance {
  const app: FastifyInstance = fastify({
    loggerInstance: fastifyLog(log),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 1 << 20,
    frameworkErrors: answerError,
    schemaController: { compilersFactory: { buildValidator: withoutSchemas, buildSerializer: withoutSchemas } },
    // Fastify needs a server. This one never listens: `listen` opens others, which close while the routes stay.
    serverFactory: () => createServer(),
  });
  app.decorate('listeners', new Set<Listener>());
  app.decorate('shortcuts', new Shortcuts());
  app.addHook('preClose', async () => {
    await Promise.all([...app.listeners].map((listener) => listener.close()));
  });
  app.addHook('onRequest', async ({ raw }) => refuseTwoHosts(raw.rawHeaders));
  boundPreLogin(app);
  dropLeftAnswers(app);
  catalogRoutes(app);
  // Without text/plain, which forms of other sites can send: bodies need an explicit type.
  app.removeContentTypeParser('text/plain');
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  // Programs also name the type where there is no body.
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) =>
    body === '' ? done(null, undefined) : void parseJson(request, body, done),
  );
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

/** RFC 9112 §3.2, RFC 9113 §8.3.1: Node keeps the first Host, a proxy may have checked the other one. @param headers names and values in turn */
function refuseTwoHosts(headers: readonly string[]): void {
  let [host, authority]: (string | undefined)[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]?.toLowerCase();
    if (name === 'host') {
      if (host !== undefined) {
        throw new PerchError('badInput', 'the request has two Host fields');
      }
      host = headers[i + 1];
    } else if (name === ':authority') {
      authority = headers[i + 1];
    }
  }
  if (host !== undefined && authority !== undefined && host.toLowerCase() !== authority.toLowerCase()) {
    throw new PerchError('badInput', 'the request has a Host field and another :authority');
  }
}

/** `catalogRoutes` keeps schemas from Fastify. Its own compilers would take 1 MB. */
function withoutSchemas(): never {
  throw new Error('a route has given Fastify a schema');
}

/** One for all requests: Fastify would make a child for each. */
function fastifyLog(log: Logger): FastifyBaseLogger {
  const own = log.child({}, { level: log.level === 'debug' ? 'debug' : 'warn' });
  own.child = () => own as never;
  return own as FastifyBaseLogger;
}

/**
 * Plain `404 page not found`; a static route with a wrong trailing slash is redirected, relative to the request, so that it works below a
 * proxy's folder.
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
  // As routes are written: the last segment may be a parameter or a wildcard.
  const patterns = path.endsWith('/') ? [other, other.replace(/[^/]+$/, ':id')] : [other, `${other}*`];
  if (isRoute && patterns.some((url) => app.hasRoute({ method: request.method as 'GET', url }))) {
    const target = path.endsWith('/') ? `../${name}` : `${name}/`;
    const isGet = request.method === 'GET' || request.method === 'HEAD';
    return reply.redirect(query === undefined ? target : `${target}?${query}`, isGet ? 301 : 307);
  }
  return reply.code(404).type('text/plain; charset=utf-8').send('404 page not found');
}

/** Adds the header to the answers of requests whose own changes are in effect until the next start only. */
export function announceUnsaved(app: FastifyInstance): void {
  // Not by the context alone: a listener that a change has opened passes the context of that change on to its requests.
  const callers = new WeakMap<FastifyRequest, Caller>();
  // The last hook before the route's own: bodies have been read, which are events of the connection.
  app.addHook('preValidation', (request, _reply, done) => {
    if (SAFE_METHODS.has(request.method)) {
      done();
    } else {
      const caller = {};
      callers.set(request, caller);
      collectUnsaved(caller, done);
    }
  });
  app.addHook('onSend', async (request, reply) => {
    const { problem } = callers.get(request) ?? {};
    if (problem) {
      // Header values are ASCII.
      reply.header(
        UNSAVED,
        problemText(problem).replaceAll(/[^ -~]/gu, (one) => encodeURIComponent(one.toWellFormed())),
      );
    }
  });
}
