import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { type Address, parseAddress, redirectedTo } from './address.ts';
import { Authenticator } from './authenticator.ts';
import { Redirect } from './dialogue.ts';

const MAX_REDIRECTS = 5;

/** Where a camera is said to be, and who we are to it. */
export interface Login {
  /** Of the path, for messages. */
  readonly name: string;
  /** Credentials in it are percent-decoded. */
  readonly url: string;
  /** Takes precedence over the URL's. */
  readonly user?: string;
  readonly password?: string;
}

/**
 * Makes an attempt at the camera's address, and at the next one wherever it is sent on to.
 * @throws PerchError when it is sent on too often; what aborted `signal`
 */
export async function atItsAddress<T>(
  { name, url, user, password = '' }: Login,
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
    const result = await attempt(address, () => new Authenticator(own, mayTellPassword));
    if (!(result instanceof Redirect)) {
      return result;
    }
    address = redirectedTo(address, result.location, name);
    log.debug({ host: address.host, port: address.port }, 'camera redirects');
  }
  throw new PerchError('unavailable', `camera of path '${name}' redirects more than ${MAX_REDIRECTS} times`);
}
