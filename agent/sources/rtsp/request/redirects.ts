import { lookup } from 'node:dns/promises';
import { PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { canonicalIp, isLoopbackIp } from '../../../base/network/ip-address.ts';
import type { LoginWatch } from '../../../protocols/contract.ts';
import { type Address, parseAddress, redirectedTo } from '../../../transports/rtsp/request/address.ts';
import { Authenticator } from '../../../transports/rtsp/request/authenticator.ts';
import { Redirect } from '../../../transports/rtsp/request/method-client.ts';

const MAX_REDIRECTS = 5;

/** A camera's address and login. */
export interface Login {
  /** Name of the path, for messages. */
  readonly name: string;
  /** Credentials in it are percent-decoded. */
  readonly url: string;
  /** Takes precedence over the URL's. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly loginWatch?: LoginWatch | undefined;
}

/**
 * Calls `attempt` with the camera's address, and with the next one after each redirect.
 * @throws PerchError after too many redirects; the reason of `signal`
 */
export async function followRedirects<T>(
  { name, url, user, password = '', loginWatch }: Login,
  log: Logger,
  signal: AbortSignal,
  attempt: (address: Address, newAuthenticator: () => Authenticator) => Promise<T | Redirect>,
): Promise<T> {
  const first = parseAddress(url, name);
  const credentials = user === undefined ? first.credentials : { user, password };
  let address = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    signal.throwIfAborted();
    // Basic goes to the configured host only; other hosts get Digest at most.
    const isBasicAllowed = address.host === first.host || address.credentials !== undefined;
    const own = redirects > 0 ? (address.credentials ?? credentials) : credentials;
    // `loginWatch` is about the configured login at the configured host only.
    const watch = own === credentials && address.host === first.host ? loginWatch : undefined;
    const result = await attempt(address, () => new Authenticator(own, isBasicAllowed, watch));
    if (!(result instanceof Redirect)) {
      return result;
    }
    const next = redirectedTo(address, result.location, name);
    if (address.isSecure && !next.isSecure) {
      const message = `camera of path '${name}' redirects from TLS to an address without it: ${next.host}`;
      throw new PerchError('unsupported', message, { path: name });
    }
    address = next;
    await rejectLoopback(first, address, name);
    log.debug({ host: address.host, port: address.port }, 'camera redirects');
  }
  throw new PerchError('unavailable', `camera of path '${name}' redirects more than ${MAX_REDIRECTS} times`);
}

/**
 * A camera in the network must not redirect to this box, whose services may trust local clients. A camera on this box may.
 */
async function rejectLoopback(first: Address, next: Address, name: string): Promise<void> {
  if (next.host !== first.host && (await isThisMachine(next.host)) && !(await isThisMachine(first.host))) {
    throw new PerchError('unsupported', `camera of path '${name}' redirects to this machine: ${next.host}`, {
      path: name,
    });
  }
}

/** False for an unknown name: the connection reports it. */
async function isThisMachine(host: string): Promise<boolean> {
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.some(({ address }) => {
    const ip = canonicalIp(address) ?? '';
    return isLoopbackIp(ip) || ip === '0.0.0.0' || ip === '::';
  });
}
