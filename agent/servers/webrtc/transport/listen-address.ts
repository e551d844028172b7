import { isIPv4, isIPv6 } from 'node:net';
import { PerchError } from '../../../base/errors.ts';

interface MediaAddress {
  /** Empty: all addresses of both families. */
  readonly host: string;
  readonly port: number;
}

/** `:8189`, `192.168.1.2:8189` or `[::]:8189`. */
export function parseMediaAddress(address: string, protocol: 'UDP' | 'TCP'): MediaAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]*)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3] ?? Number.NaN);
  const isWhole = host === '' || isIPv4(host) || isIPv6(host);
  if (!(port <= 65_535) || !isWhole) {
    throw new PerchError(
      'badInput',
      `'${address}' is not a ${protocol} address: write for example :8189 or 192.168.1.2:8189`,
    );
  }
  return { host, port };
}

/** undefined: all addresses. */
export function boundAddress(host: string): string | undefined {
  return host === '' || host === '0.0.0.0' || host === '::' ? undefined : host;
}
