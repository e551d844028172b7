import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HttpRoutes } from './http-routes.ts';

/** A connection whose client requests a WebSocket. */
interface Upgrade {
  readonly socket: Socket;
  /** Bytes received after the request. */
  readonly head: Uint8Array;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade & { readonly response: ServerResponse }>();

/** Option for servers of Node 22.21, 24.9 and later: other upgrades (such as `h2c`) are ordinary requests. */
export const shouldUpgradeCallback = (request: IncomingMessage): boolean => isWebSocket(request);

/**
 * Routes WebSocket requests like others, with the same hooks, access and errors. Their route calls `takeUpgrade`; a reply of any other
 * route ends the connection.
 */
export function routeUpgrades(server: Server, app: Pick<HttpRoutes, 'routing'>): void {
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Uint8Array) => {
    // The owner of the connection gets its events.
    socket.on('error', () => {});
    if (request.method !== 'GET') {
      // The body is unread and no longer readable. The client may never end its half.
      socket.write('HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      socket.destroySoon();
      return;
    }
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => socket.destroySoon());
    if (isWebSocket(request)) {
      upgrades.set(request, { socket, head, response });
    }
    app.routing(request, response);
  });
}

/** Takes the connection over without a reply; undefined if the request is not for a WebSocket. */
export function takeUpgrade(request: FastifyRequest, reply: FastifyReply): Upgrade | undefined {
  const upgrade = upgrades.get(request.raw);
  if (upgrade) {
    upgrades.delete(request.raw);
    reply.hijack();
    const { socket, response } = upgrade;
    response.detachSocket(socket);
    // HTTP permits half-closed connections; a WebSocket does not need them.
    socket.once('end', () => socket.destroy());
    if (socket.readableEnded) {
      socket.destroy();
    }
  }
  return upgrade;
}

const isWebSocket = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
