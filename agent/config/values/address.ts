import { isIP, isIPv6 } from 'node:net';
import Type from 'typebox';
import { PerchError } from '../../base/errors.ts';
import { isLoopbackIp } from '../../base/network/ip-address.ts';

/** Where a server listens. Without a host: every interface, IPv4 and IPv6. */
export interface ListenAddress {
  readonly host: string | undefined;
  readonly port: number;
}

const HOST_AND_PORT = /^(\[[0-9a-f:.%]+\]|[a-z0-9._-]*):(\d{1,5})$/i;

/** Parts of `:8889`, `127.0.0.1:8889` or `[::1]:8889`; undefined for an empty text, which switches the listener off. */
export function parseAddress(text: string): ListenAddress | undefined {
  if (text === '') {
    return undefined;
  }
  const [, host = '', portText] = HOST_AND_PORT.exec(text.slice(0, 300)) ?? [];
  const port = Number(portText ?? Number.NaN);
  if (!(port <= 65_535)) {
    throw new PerchError(
      'badInput',
      `'${text.slice(0, 64)}' is not an address: write for example :8889 or 127.0.0.1:8889`,
    );
  }
  const bare = host.startsWith('[') ? host.slice(1, -1) : host;
  return { host: bare === '' ? undefined : bare, port };
}

const OWN_TLS_PORT = 8443;

/**
 * Default of `tlsAddress` in Perch's own setup: on the host of `address`. Off (an empty text) for loopback, which only programs of
 * this box and a proxy reach, and for a port that the system chooses.
 */
export function ownTlsAddress(address: string): string {
  const where = parseAddress(address);
  if (where === undefined || where.port === 0 || where.host === 'localhost' || isLoopbackIp(where.host ?? '')) {
    return '';
  }
  return usualTlsAddress(address);
}

/** The https port next to `address`, on the same host. */
export const usualTlsAddress = (address: string): string =>
  `${address.slice(0, Math.max(0, address.lastIndexOf(':')))}:${OWN_TLS_PORT}`;

/** A single address or a range, as the API shows it: `127.0.0.1` becomes `127.0.0.1/32`. */
export function parseIpRange(text: string): string {
  const [ip = '', bits, ...more] = text.slice(0, 64).split('/');
  const maxBits = isIPv6(ip) ? 128 : 32;
  const isRange = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= maxBits);
  if (isIP(ip) === 0 || !isRange || more.length > 0) {
    throw new PerchError(
      'badInput',
      `'${text.slice(0, 64)}' is not an IP address or range: write for example 192.168.1.0/24`,
    );
  }
  return bits === undefined ? `${ip}/${maxBits}` : text;
}

export const Address = (defaultText: string, description: string) =>
  Type.String({ syntax: 'address', default: defaultText, description });

export const IpRanges = (description: string, keywords = {}) =>
  Type.Array(Type.String({ syntax: 'ipRange' }), { default: [], description, ...keywords });

/** Port of a listen address; 0: the listener is off. */
export const portOf = (address: string): number => parseAddress(address)?.port ?? 0;
