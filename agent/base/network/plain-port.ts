import { PerchError } from '../errors.ts';

/** OpenSSL's words for an answer that is not TLS. */
const NOT_TLS = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/;

/**
 * The failure of a TLS connection to a port that speaks another protocol; undefined: it has another cause.
 * @param remedy what a person does about it
 */
export function plainPortFault(error: unknown, { host, port }: HostAndPort, remedy: string): PerchError | undefined {
  return NOT_TLS.test(String((error as NodeJS.ErrnoException | undefined)?.code))
    ? new PerchError('unavailable', `port ${port} of ${host} speaks http or another protocol, not https: ${remedy}`, {
        why: 'plainPort',
      })
    : undefined;
}

interface HostAndPort {
  readonly host: string;
  readonly port: number;
}
