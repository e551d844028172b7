import { PerchError } from '../../../base/errors.ts';
import { isLoopbackIp } from '../../../base/network/ip-address.ts';
import type { Environment } from '../../../config/load/environment.ts';

/** The HTTP proxy for a host, by `HTTPS_PROXY` and `NO_PROXY` as curl reads them; undefined: none. @throws PerchError for one of another kind, because the owner wants no direct connection */
export function proxyFor(host: string, env: Environment): URL | undefined {
  const given = env['HTTPS_PROXY'] || env['https_proxy'] || '';
  if (
    given === '' ||
    host === 'localhost' ||
    isLoopbackIp(host) ||
    isExempt(host, env['NO_PROXY'] || env['no_proxy'] || '')
  ) {
    return undefined;
  }
  const text = given.includes('://') ? given : `http://${given}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy?.protocol !== 'http:') {
    throw new PerchError('unavailable', `HTTPS_PROXY is no http://host:port of a proxy (${text.split('://')[0]}://…)`);
  }
  return proxy;
}

/** `example.org` and `.example.org` stand for the host and all below it. */
function isExempt(host: string, list: string): boolean {
  const name = host.toLowerCase();
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .map((one) => one.replace(/^\./, ''))
    .some((one) => one === '*' || (one !== '' && (name === one || name.endsWith(`.${one}`))));
}
