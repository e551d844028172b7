import type { FastifyInstance } from 'fastify';
import { silentLogger } from '../../../agent/base/log.ts';
import { type Listener, listen } from '../../../agent/http/listener/listeners.ts';
import type { ServerOptions } from '../../../agent/http/listener/server.ts';

/** Serves the app on a free port of loopback, until the app is closed. */
export function listenLocally(app: FastifyInstance, options: Partial<ServerOptions> = {}): Promise<Listener> {
  return listen('address', '127.0.0.1:0', app, { log: silentLogger, ...options });
}
