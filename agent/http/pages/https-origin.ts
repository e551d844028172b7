import type { IncomingHttpHeaders } from 'node:http';

const HOST = /^[\w.[\]:-]{1,255}$/;

/** The host that the client named, with port, if it is safe in a security policy. */
export const namedHost = ({ host }: IncomingHttpHeaders): string | undefined =>
  host !== undefined && HOST.test(host) ? host : undefined;

/** The same host over https, as a source of a security policy. @param port undefined if https is off */
export function httpsOrigin(headers: IncomingHttpHeaders, port: number | undefined): string | undefined {
  const name = namedHost(headers)?.replace(/:\d+$/, '');
  return name === undefined || port === undefined ? undefined : `https://${name}:${port}`;
}
