import type { IncomingMessage, Server } from 'node:http';
import type { HttpRoutes } from './http-routes.ts';

/** Longest time without a byte. */
const SILENT_MS = 30_000;

/** HTTP/1.1 connections and HTTP/2 streams whose body is awaited. */
const awaited = new WeakSet<object>();

/** Whether the listener's request time is suspended for it. */
export const isAwaited = (connection: object): boolean => awaited.has(connection);

/**
 * Reads a body of hundreds of megabytes: it may take longer than the listener's request time while bytes arrive. If the caller stops, the
 * rest has that time in total.
 * @param raw of Node, or of its HTTP/2 compatibility layer
 */
export async function* slowBody(
  raw: IncomingMessage,
  pieces: AsyncIterable<Uint8Array>,
  silentMs = SILENT_MS,
): AsyncGenerator<Uint8Array> {
  const { stream, socket } = raw as IncomingMessage & { readonly stream?: object };
  const connection = stream ?? socket;
  awaited.add(connection);
  const late = setTimeout(() => raw.destroy(), silentMs).unref();
  const end = (): void => {
    clearTimeout(late);
    awaited.delete(connection);
    raw.off('end', end).off('close', end);
  };
  raw.once('end', end).once('close', end);
  for await (const piece of pieces) {
    yield piece;
    late.refresh();
  }
}

/** Node reports a late request once, and leaves its connection to the listener. Fastify listens only to its own server. */
export function spareSlowBodies(server: Server, app: Pick<HttpRoutes, 'server'>): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code !== 'ERR_HTTP_REQUEST_TIMEOUT' || !isAwaited(socket)) {
      app.server.emit('clientError', error, socket);
    }
  });
}
