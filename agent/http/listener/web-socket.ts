import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** A connection whose client wants to speak WebSocket on it. */
export interface Upgrade {
  readonly socket: Socket;
  /** What came right behind the request. */
  readonly head: Uint8Array;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade & { readonly response: ServerResponse }>();

/** For servers, where Node knows it (22.21, 24.9 and later): other upgrades (`h2c`, say) are requests like any. */
export const shouldUpgradeCallback = (request: IncomingMessage): boolean => isWebSocket(request);

/**
 * Requests for a WebSocket go the way of all requests: hooks, access and errors are the same. A route that knows what to do with one
 * calls `takeUpgrade`; an answer of any other route ends the connection.
 */
export function routeUpgrades(server: Server, app: FastifyInstance): void {
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Uint8Array) => {
    // Whoever takes the connection hears of it by itself.
    socket.on('error', () => {});
    if (request.method !== 'GET') {
      // Node has not read the body, and nobody can any more. The client may never end its half.
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

/** Takes the connection out of HTTP's hands, without a word to the client; undefined: the request is none for a WebSocket. */
export function takeUpgrade(request: FastifyRequest, reply: FastifyReply): Upgrade | undefined {
  const upgrade = upgrades.get(request.raw);
  if (upgrade) {
    upgrades.delete(request.raw);
    reply.hijack();
    const { socket, response } = upgrade;
    response.detachSocket(socket);
    // HTTP lets a client end its half and answers all the same; in a WebSocket nothing is left to say then.
    socket.once('end', () => socket.destroy());
    if (socket.readableEnded) {
      socket.destroy();
    }
  }
  return upgrade;
}

const isWebSocket = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
