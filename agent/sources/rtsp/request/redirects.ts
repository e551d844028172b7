import { lookup } from 'node:dns/promises';
import { PerchError } from '../../../base/errors.ts';
import { canonicalIp, isLoopbackIp } from '../../../base/ip-address.ts';
import type { Logger } from '../../../base/log.ts';
import type { LoginWatch } from '../../../protocols/contract.ts';
import { type Address, parseAddress, redirectedTo } from './address.ts';
import { Authenticator } from './authenticator.ts';
import { Redirect } from './method-client.ts';

const MAX_REDIRECTS = 5;

/** A camera's address and login. */
export interface Login {
  /** Of the path, for messages. */
  readonly name: string;
  /** Credentials in it are percent-decoded. */
  readonly url: string;
  /** Takes precedence over the URL's. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly loginWatch?: LoginWatch | undefined;
}

/**
 * Makes an attempt at the camera's address, and at the next one wherever it is sent on to.
 * @throws PerchError when it is sent on too often; what aborted `signal`
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
    // Only the host that the owner named gets the password as it is, and in the clear only when he did so; others get a digest of it at most.
    const isFirst = address.host === first.host && (address.isSecure || !first.isSecure);
    const mayTellPassword = isFirst || address.credentials !== undefined;
    const own = redirects > 0 ? (address.credentials ?? credentials) : credentials;
    // Another login, or at another host, is not the one that is kept account of.
    const watch = own === credentials && address.host === first.host ? loginWatch : undefined;
    const result = await attempt(address, () => new Authenticator(own, mayTellPassword, watch));
    if (!(result instanceof Redirect)) {
      return result;
    }
    address = redirectedTo(address, result.location, name);
    await mustNotTurnInwards(first, address, name);
    log.debug({ host: address.host, port: address.port }, 'camera redirects');
  }
  throw new PerchError('unavailable', `camera of path '${name}' redirects more than ${MAX_REDIRECTS} times`);
}

/**
 * What a camera in the network sends us on to is not what runs on this machine: there we may be trusted as nobody else is,
 * our own server among it. A camera that is on this machine itself may.
 */
async function mustNotTurnInwards(first: Address, next: Address, name: string): Promise<void> {
  if (next.host !== first.host && (await isThisMachine(next.host)) && !(await isThisMachine(first.host))) {
    throw new PerchError('unsupported', `camera of path '${name}' redirects to this machine itself: ${next.host}`, {
      path: name,
    });
  }
}

/** A name that is not found is none of ours: the connection will say so. */
async function isThisMachine(host: string): Promise<boolean> {
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.some(({ address }) => {
    const ip = canonicalIp(address) ?? '';
    return isLoopbackIp(ip) || ip === '0.0.0.0' || ip === '::';
  });
}
