import type { FastifyInstance } from 'fastify';
import { PerchError } from '../base/errors.ts';
import { canonicalIp } from '../base/ip-address.ts';
import { holderOf } from './port-holder.ts';

export interface Listener {
  /** The port that was really taken: it differs from the configured one when that is 0. */
  readonly port: number;
  close(): Promise<void>;
}

interface ListenAddress {
  readonly host: string;
  readonly port: number;
  readonly ipv6Only?: boolean;
}

/**
 * Lets `app` answer on `address`: `:8080` = IPv4 and IPv6, `0.0.0.0:8080` = IPv4 only, `[::]:8080` = IPv6 only, or one host.
 *
 * @param key the configuration key that the address comes from: an error names it as the thing to change
 */
export async function listen(key: string, address: string, app: FastifyInstance): Promise<Listener> {
  const where = parseListenAddress(key, address);
  try {
    await listenOn(app, where, address.startsWith(':'));
  } catch (error) {
    throw await describe(error as NodeJS.ErrnoException, key, address, where.port);
  }
  const bound = app.server.address();
  return {
    port: bound !== null && typeof bound === 'object' ? bound.port : where.port,
    close: () => app.close(),
  };
}

export function parseListenAddress(key: string, address: string): ListenAddress {
  const [, bracketed, plain = '', digits = ''] = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(address) ?? [];
  const port = digits === '' ? Number.NaN : Number(digits);
  const isWrongHost = bracketed !== undefined && canonicalIp(bracketed) === undefined;
  if (!(port <= 65_535) || isWrongHost) {
    throw new PerchError(
      'badInput',
      `${key}: '${address}' is not an address: write for example :8080 or 127.0.0.1:8080`,
    );
  }
  if (bracketed !== undefined) {
    return { host: bracketed, port, ipv6Only: true };
  }
  return { host: plain === '' ? '::' : plain, port };
}

/** A machine without IPv6 has no `::` to listen on: then IPv4 is everything. */
async function listenOn(app: FastifyInstance, where: ListenAddress, isDual: boolean): Promise<void> {
  try {
    await app.listen({ ...where });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!isDual || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) {
      throw error;
    }
    await app.listen({ ...where, host: '0.0.0.0' });
  }
}

async function describe(error: NodeJS.ErrnoException, key: string, address: string, port: number): Promise<PerchError> {
  const context = { key, address };
  if (error.code === 'EADDRINUSE') {
    const holder = await holderOf(port);
    const who = holder === undefined ? 'another program' : `${holder.name} (process ${holder.pid})`;
    return new PerchError('unavailable', `port ${port} is taken by ${who}: stop it or change ${key}`, context, error);
  }
  if (error.code === 'EACCES') {
    const text = `port ${port} is not allowed to this user: change ${key} to a port from 1024 on`;
    return new PerchError('unavailable', text, context, error);
  }
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return new PerchError('unavailable', `${address} is not an address of this machine: change ${key}`, context, error);
  }
  return new PerchError('unavailable', `cannot listen on ${address} (${key})`, context, error);
}
