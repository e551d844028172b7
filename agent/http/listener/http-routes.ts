import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** What answers the requests of listeners: a Fastify instance, or `LateRoutes`. */
export interface HttpRoutes {
  readonly shortcuts: { take(request: IncomingMessage, response: ServerResponse): boolean };
  /** They close with it. */
  readonly listeners: Set<{ close(): Promise<void> }>;
  /** Fastify's own, which never listens. */
  readonly server: { emit(event: 'clientError', error: Error, socket: Duplex): boolean };
  ready(): PromiseLike<unknown>;
  routing(request: IncomingMessage, response: ServerResponse): void;
}
