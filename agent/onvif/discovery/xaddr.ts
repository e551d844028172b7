import { type Network, networkOf } from './interfaces.ts';

/**
 * The address to talk to a device at. Where its answer came from is the truth; what it claims may be another network's
 * address, a factory default, 0.0.0.0 or, from somebody with bad intentions, another device. So: a claim with the host
 * that answered; else any, with that host in its place and port and path kept. A claim in one of our networks counts
 * only when the answer came from none of them: over IPv6, or from an address that the camera has besides.
 * @param responder with the scope of a link-local IPv6 address
 */
export function chooseXAddr(
  claims: readonly string[],
  responder: string,
  networks: readonly Network[],
): string | undefined {
  const urls = claims.flatMap((claim) => {
    // The zone of an IPv6 address means something to the camera alone.
    const text = claim.replace(/%[\w.%-]+\]/, ']');
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return url && (url.protocol === 'http:' || url.protocol === 'https:') ? [url] : [];
  });
  const isNear = (address: string) => networkOf(address, networks) !== undefined;
  // What is for this machine alone is behind its own address: an answer from elsewhere must not lead there.
  const isOurs = (address: string) => networks.some((network) => network.address === address);
  const isPlain = !responder.includes('%');
  const host = responder.includes(':') ? `[${responder}]` : responder;
  const own = isPlain ? urls.find((url) => url.hostname === host) : undefined;
  const near = isNear(responder) ? undefined : urls.find(({ hostname }) => isNear(hostname) && !isOurs(hostname));
  const chosen = own ?? near ?? urls[0];
  if (!chosen) {
    return undefined;
  }
  // A name and a password in a claim are not ours.
  chosen.username = '';
  chosen.password = '';
  if (chosen === own || chosen === near) {
    return chosen.href;
  }
  if (isPlain) {
    chosen.hostname = host;
    return chosen.href;
  }
  // RFC 6874: how a zone stands in a URL; WHATWG's parser does not know it.
  const port = chosen.port === '' ? '' : `:${chosen.port}`;
  return `${chosen.protocol}//[${responder.replace('%', '%25')}]${port}${chosen.pathname}${chosen.search}`;
}
