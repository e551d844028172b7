import { once } from 'node:events';
import type { Server } from 'node:http';
import { isIPv6, type ListenOptions } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import { listenFailure, registerOwnPort } from '../../base/listen-failure.ts';
import { type ListenAddress, parseAddress } from '../../config/values/address.ts';
import { createHttpServer, type HttpServer, type ServerOptions } from './server.ts';

export interface Listener extends HttpServer {
  /** The actual port; differs from the configured one if that is 0. */
  readonly port: number;
}

/**
 * Serves `app` on `address` until the listener or the app closes: `:8080` = IPv4 and IPv6, `0.0.0.0:8080` = IPv4 only, `[::]:8080` = IPv6
 * only, or one host. An app may have several listeners.
 * @param key configuration key of the address, for errors
 */
export async function listen(
  key: string,
  address: string,
  app: FastifyInstance,
  options: ServerOptions,
): Promise<Listener> {
  const where = parseAddress(address);
  if (!where) {
    throw new PerchError('badInput', `${key} is empty: there is nothing to listen on`, { key });
  }
  await app.ready();
  const { server, close } = createHttpServer(app, options);
  try {
    await listenOn(server, where);
  } catch (error) {
    await close();
    throw await listenFailure(error, key, address, where.port);
  }
  const bound = server.address();
  const port = bound !== null && typeof bound === 'object' ? bound.port : where.port;
  registerOwnPort(port, key);
  const listener = { port, server, close };
  app.listeners.add(listener);
  server.once('close', () => app.listeners.delete(listener));
  return listener;
}

async function listenOn(server: Server, { host, port }: ListenAddress): Promise<void> {
  if (host !== undefined) {
    await opened(server, { host, port, ipv6Only: isIPv6(host) });
    return;
  }
  try {
    await opened(server, { host: '::', port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') {
      throw error;
    }
    // A machine without IPv6.
    await opened(server, { host: '0.0.0.0', port });
  }
}

async function opened(server: Server, where: ListenOptions): Promise<void> {
  server.listen(where);
  await once(server, 'listening');
}
