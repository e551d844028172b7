import { isIPv6 } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { PerchError } from '../base/errors.ts';
import { listenFailure, tellOwnPort } from '../base/listen-failure.ts';
import { type ListenAddress, parseAddress } from '../config/address.ts';

export interface Listener {
  /** The port that was really taken: it differs from the configured one when that is 0. */
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Lets `app` answer on `address`: `:8080` = IPv4 and IPv6, `0.0.0.0:8080` = IPv4 only, `[::]:8080` = IPv6 only, or one host.
 *
 * @param key the configuration key that the address comes from: an error names it as the thing to change
 */
export async function listen(key: string, address: string, app: FastifyInstance): Promise<Listener> {
  const where = parseAddress(address);
  if (!where) {
    throw new PerchError('badInput', `${key} is empty: there is nothing to listen on`, { key });
  }
  try {
    await listenOn(app, where);
  } catch (error) {
    throw await listenFailure(error, key, address, where.port);
  }
  const bound = app.server.address();
  const port = bound !== null && typeof bound === 'object' ? bound.port : where.port;
  tellOwnPort(port, key);
  return {
    port,
    close: () => app.close(),
  };
}

async function listenOn(app: FastifyInstance, { host, port }: ListenAddress): Promise<void> {
  if (host !== undefined) {
    await app.listen({ host, port, ipv6Only: isIPv6(host) });
    return;
  }
  try {
    await app.listen({ host: '::', port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') {
      throw error;
    }
    // A machine without IPv6: then IPv4 is everything.
    await app.listen({ host: '0.0.0.0', port });
  }
}
