import type { AddressInfo } from 'node:net';
import { PerchError } from '../../base/errors.ts';
import { localIpOf } from '../../base/network/ip-address.ts';
import { listenTcp } from '../../base/network/listen-tcp.ts';
import { parseAddress } from '../../config/values/address.ts';
import type { HttpRoutes } from './http-routes.ts';
import { createHttpServer, type HttpServer, type ServerOptions } from './server.ts';

export interface Listener extends HttpServer {
  /** The actual port; differs from the configured one if that is 0. */
  readonly port: number;
  /** IP address at which programs of this box reach it. */
  readonly host: string;
}

/**
 * Serves `app` on `address` until the listener or the app closes: `:8080` = IPv4 and IPv6, `0.0.0.0:8080` = IPv4 only, `[::]:8080` = IPv6
 * only, or one host. An app may have several listeners.
 * @param key configuration key of the address, for errors
 */
export async function listen(key: string, address: string, app: HttpRoutes, options: ServerOptions): Promise<Listener> {
  const where = parseAddress(address);
  if (!where) {
    throw new PerchError('badInput', `${key} is empty: there is nothing to listen on`, { key });
  }
  await app.ready();
  const { server, close } = createHttpServer(app, options);
  try {
    await listenTcp(server, key, address, where);
  } catch (error) {
    await close();
    throw error;
  }
  const { address: ip, port } = server.address() as AddressInfo;
  const listener = { port, host: localIpOf(where.host === undefined ? undefined : ip), server, close };
  app.listeners.add(listener);
  server.once('close', () => app.listeners.delete(listener));
  return listener;
}
