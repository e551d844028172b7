import { PerchError } from '../../base/errors.ts';
import { checkedLookup } from '../../base/network/checked-lookup.ts';
import { canonicalIp, isPublicIp } from '../../base/network/ip-address.ts';

/**
 * The hosts that a source may ask: the configured one, and public ones. What a server on the internet answers (playlists, redirects) never
 * leads into the local network.
 */
export class HostGuard {
  readonly #configured: string;
  /** The configured host was public at its first look-up: it may not become private (DNS rebinding). Undefined: not looked up yet. */
  #isPublic: boolean | undefined;

  /** @param url of the configuration */
  constructor(url: string) {
    this.#configured = hostOf(new URL(url));
  }

  /** Checks a host that is an IP address, which no look-up precedes. @throws PerchError */
  check(url: URL): void {
    const host = hostOf(url);
    const ip = canonicalIp(host);
    if (ip !== undefined && !this.#allows(host, [ip], ip)) {
      throw this.#forbidden(host);
    }
  }

  /** For sockets: looks up a name, and leaves out addresses that are not allowed. */
  readonly lookup = checkedLookup((hostname, all) => {
    const allowed = all.filter((ip) => this.#allows(hostname.toLowerCase(), all, ip));
    if (allowed.length === 0) {
      throw this.#forbidden(hostname);
    }
    return allowed;
  });

  #allows(host: string, all: readonly string[], ip: string): boolean {
    const isSpecial = !isPublicIp(ip);
    if (host === this.#configured) {
      this.#isPublic ??= all.every(isPublicIp);
      return !isSpecial || !this.#isPublic;
    }
    return !isSpecial;
  }

  #forbidden(host: string): PerchError {
    const message = `'${host.slice(0, 100)}' is in a private network, and the source is not: it is not asked`;
    return new PerchError('unsupported', message);
  }
}

/** The host of a URL, without the brackets of an IPv6 address. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '').toLowerCase();
