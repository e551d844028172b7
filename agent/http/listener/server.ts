import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { Socket } from 'node:net';
import type { Logger } from '../../base/log.ts';
import type { PreLoginMemory } from '../../base/network/pre-login-memory.ts';
import type { KeyPair } from '../../config/file/key-pair.ts';
import { limitConnections } from './connection-limit.ts';
import type { HttpRoutes } from './http-routes.ts';
import { limitPreLogin } from './pre-login.ts';
import { finishSecure, secureOptions } from './secure-server.ts';
import { spareSlowBodies } from './slow-body.ts';
import { routeUpgrades, shouldUpgradeCallback } from './web-socket.ts';

const KEEP_ALIVE_MS = 30_000;
const DEFAULT_READ_TIMEOUT_MS = 10_000;
/** Interval of the check for late requests: Node's default of half a minute is three times their limit. Each listener has its own timer. */
const LATE_CHECK_MS = 2_000;

export interface ServerOptions {
  readonly log: Logger;
  /** Limit for receiving a whole request. Replies have none. */
  readonly readTimeoutMs?: number;
  /** Enables TLS, and HTTP/2 in it. */
  readonly tls?: KeyPair;
  /** Memory limit of unauthorized clients; absent: unlimited. */
  readonly preLogin?: PreLoginMemory;
}

export interface HttpServer {
  readonly server: Server;
  /** Also ends its connections: clips, event streams and WebSockets would keep the program alive. */
  close(): Promise<void>;
}

/** A server for the routes of `app`. An app may have several, each with its own limits. */
export function createHttpServer(
  app: HttpRoutes,
  { log, readTimeoutMs = DEFAULT_READ_TIMEOUT_MS, tls, preLogin }: ServerOptions,
): HttpServer {
  const options = { shouldUpgradeCallback, connectionsCheckingInterval: LATE_CHECK_MS };
  const secure = tls && { ...secureOptions(tls), ...options };
  // Node's compatibility classes make both look the same to plugins.
  const server = secure ? (createSecureServer(secure) as unknown as Server) : createServer(options);
  server.on('request', (request, response) => {
    // With debug each request is logged.
    if (log.level === 'debug' || !takeShortcut(app, log, request, response)) {
      app.routing(request, response);
    }
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  if (tls) {
    finishSecure(server, sockets, KEEP_ALIVE_MS, log);
  }
  limitConnections(server, log);
  if (preLogin) {
    limitPreLogin(server, preLogin, tls !== undefined);
  }
  spareSlowBodies(server, app);
  routeUpgrades(server, app);
  setReadTimeout(server, readTimeoutMs);
  return {
    server,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) {
        socket.destroy();
      }
      await closed;
    },
  };
}

/** An exception of a shortcut ends its request at most: here it would end the program. @returns whether the request is answered */
function takeShortcut(app: HttpRoutes, log: Logger, request: IncomingMessage, response: ServerResponse): boolean {
  try {
    return app.shortcuts.take(request, response);
  } catch (error) {
    log.error({ err: error }, 'shortcut failed');
    if (response.headersSent) {
      response.destroy();
    }
    return response.headersSent;
  }
}

/** Sets the time limit for receiving a request, which also applies to requests being received. */
export function setReadTimeout(server: Server, readTimeoutMs: number): void {
  server.requestTimeout = readTimeoutMs;
  // Node uses the longer of both for bodies, and one minute for heads by default.
  server.headersTimeout = readTimeoutMs;
}
