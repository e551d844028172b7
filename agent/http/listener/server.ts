import { createServer, type Server } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from '../../base/log.ts';
import type { NewcomerMemory } from '../../base/newcomer-memory.ts';
import type { KeyPair } from '../../config/file/key-pair.ts';
import { limitConnections } from './connection-limit.ts';
import { limitNewcomers } from './newcomers.ts';
import { finishSecure, secureOptions } from './secure-server.ts';
import { spareSlowBodies } from './slow-body.ts';
import { routeUpgrades, shouldUpgradeCallback } from './web-socket.ts';

const KEEP_ALIVE_MS = 30_000;
const DEFAULT_READ_TIMEOUT_MS = 10_000;
/**
 * How often requests that are late are looked for: Node's own half a minute would be three times as long as they have. Each listener
 * wakes up for it by itself.
 */
const LATE_CHECK_MS = 2_000;

export interface ServerOptions {
  readonly log: Logger;
  /** The whole request must have come in after this long. Answers may take as long as they like. */
  readonly readTimeoutMs?: number;
  /** With it the server speaks TLS, and HTTP/2 in it. */
  readonly tls?: KeyPair;
  /** For what clients hold before they are let in; without it nothing bounds that. */
  readonly newcomers?: NewcomerMemory;
}

export interface HttpServer {
  readonly server: Server;
  /** Ends its connections, too: clips, event streams and WebSockets would keep the program from ending. */
  close(): Promise<void>;
}

/** A server for the routes of `app`. An app may have several servers, each with its own limits. */
export function createHttpServer(
  app: FastifyInstance,
  { log, readTimeoutMs = DEFAULT_READ_TIMEOUT_MS, tls, newcomers }: ServerOptions,
): HttpServer {
  const options = { shouldUpgradeCallback, connectionsCheckingInterval: LATE_CHECK_MS };
  const secure = tls && { ...secureOptions(tls), ...options };
  // To plugins both are the same: Node's compatible classes stand between.
  const server = secure ? (createSecureServer(secure) as unknown as Server) : createServer(options);
  server.on('request', app.routing);
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
  if (newcomers) {
    limitNewcomers(server, newcomers, tls !== undefined);
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

/** Holds at once, for requests that are coming in already, too. */
export function setReadTimeout(server: Server, readTimeoutMs: number): void {
  server.requestTimeout = readTimeoutMs;
  // Node gives the longer of both to bodies, and heads have a minute by default.
  server.headersTimeout = readTimeoutMs;
}
