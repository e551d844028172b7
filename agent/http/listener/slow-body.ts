import type { IncomingMessage, Server } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** Without a byte. */
const SILENT_MS = 30_000;

/** Connections of HTTP/1.1 and streams of HTTP/2 whose body is waited for. */
const awaited = new WeakSet<object>();

/** Whether the listener's time for requests does not hold for it now. */
export const isAwaited = (connection: object): boolean => awaited.has(connection);

/**
 * A body of hundreds of megabytes, from whoever sends as fast as he can: it may take longer than the listener has for requests, as
 * long as something comes. What is left of it, when the caller wants no more, has that long in all.
 * @param raw of Node, or of its likeness for HTTP/2
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

/** Node tells of a late request once, and leaves it to whoever listens what becomes of its connection. Fastify listens to its own server. */
export function spareSlowBodies(server: Server, app: FastifyInstance): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code !== 'ERR_HTTP_REQUEST_TIMEOUT' || !isAwaited(socket)) {
      app.server.emit('clientError', error, socket);
    }
  });
}
