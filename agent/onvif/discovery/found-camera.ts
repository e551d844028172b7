import { type Network, networkOf } from './interfaces.ts';
import type { ProbeMatch } from './probe.ts';
import { isPrivate } from './targets.ts';

/** A device that answered. Texts are its claims; `address` is the reply's source. */
export interface FoundCamera {
  /** `urn:uuid:…`: stays when the address changes. Cheap boards of one make may share it. */
  readonly endpoint: string;
  /** Source address of the reply; a link-local IPv6 address has its zone: `fe80::1%eth0`. */
  readonly address: string;
  /** This box's address in that network. */
  readonly foundFrom: string;
  /** URL of the device service. */
  readonly url: string;
  /** Hosts that it claims for its service. */
  readonly claims?: readonly string[];
  readonly name: string | undefined;
  readonly hardware: string | undefined;
  readonly location: string | undefined;
  readonly manufacturer: string | undefined;
}

/** Compares endpoints. Some cameras vary the case or the prefix of theirs. */
export const sameEndpoint = (a: string, b: string): boolean => plainEndpoint(a) === plainEndpoint(b);
export const plainEndpoint = (endpoint: string): string =>
  endpoint
    .trim()
    .toLowerCase()
    .replace(/^(?:urn:)?uuid:/, '');

/** The camera of a reply; undefined if it is not a camera, has no address, or is not in a local network: a sender can be forged. */
export function cameraOf(
  match: ProbeMatch,
  address: string,
  from: { readonly address: string; readonly networks: readonly Network[] },
): FoundCamera | undefined {
  const isHere = isPrivate(address) || networkOf(address, from.networks) !== undefined;
  const url = match.isOnvif && isHere ? chooseXAddr(match.xaddrs, address, from.networks) : undefined;
  if (url === undefined) {
    return undefined;
  }
  const { endpoint, name, hardware, location, manufacturer } = match;
  const claims = match.xaddrs.flatMap((claim) => (URL.canParse(claim) ? [new URL(claim).hostname] : []));
  return { endpoint, address, foundFrom: from.address, url, claims, name, hardware, location, manufacturer };
}

/** A camera with two addresses claims both; boards that share an endpoint claim only their own. */
export const nameEachOther = (a: FoundCamera, b: FoundCamera): boolean =>
  a.endpoint === b.endpoint && a.claims?.includes(b.address) === true && b.claims?.includes(a.address) === true;

/** Key of endpoint and address. On this box it has the service's address, too: the demo cameras of two Perches share one endpoint. */
export function cameraKey({ endpoint, address, url }: FoundCamera): string {
  return `${endpoint} ${address} ${address.startsWith('127.') ? url : ''}`;
}

/**
 * The address of the device service. The reply's source is reliable; a claim may be of another network, a factory default, 0.0.0.0 or an
 * attack. So: a claim with the source as host; else any claim with its host replaced by the source. A claim in a local network counts only
 * if the reply came from none of them: over IPv6, or from a second address of the camera.
 * @param responder with the zone of a link-local IPv6 address
 */
export function chooseXAddr(
  claims: readonly string[],
  responder: string,
  networks: readonly Network[],
): string | undefined {
  const urls = claims.flatMap((claim) => {
    // The zone of an IPv6 address is local to the camera.
    const text = claim.replace(/%[\w.%-]+\]/, ']');
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return url && (url.protocol === 'http:' || url.protocol === 'https:') ? [url] : [];
  });
  const isNear = (address: string) => networkOf(address, networks) !== undefined;
  // A remote reply must not lead to services of this box.
  const isOurs = (address: string) => networks.some((network) => network.address === address);
  const isPlain = !responder.includes('%');
  const host = responder.includes(':') ? `[${responder}]` : responder;
  const own = isPlain ? urls.find((url) => url.hostname === host) : undefined;
  const near = isNear(responder) ? undefined : urls.find(({ hostname }) => isNear(hostname) && !isOurs(hostname));
  const chosen = own ?? near ?? urls[0];
  if (!chosen) {
    return undefined;
  }
  chosen.username = '';
  chosen.password = '';
  if (chosen === own || chosen === near) {
    return chosen.href;
  }
  if (isPlain) {
    chosen.hostname = host;
    return chosen.href;
  }
  // RFC 6874 zone, which the WHATWG URL parser does not support.
  const port = chosen.port === '' ? '' : `:${chosen.port}`;
  return `${chosen.protocol}//[${responder.replace('%', '%25')}]${port}${chosen.pathname}${chosen.search}`;
}
