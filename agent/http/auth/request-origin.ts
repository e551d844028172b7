import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { canonicalIp, type IpList, isLoopbackIp, isPrivateIp } from '../../base/ip-address.ts';

/** Where a request comes from, as far as its connection and headers can be trusted. */
export interface RequestOrigin {
  /** Canonical; empty when even the connection's peer is unknown (it has gone already). */
  readonly ip: string;
  readonly isLoopback: boolean;
  readonly isPrivate: boolean;
  /** A page of ours, or no browser's page at all, caused the request: a cookie that came with it may change things. */
  readonly isSameOrigin: boolean;
  /** A browser sends it, and does not show that a page of ours is behind it. */
  readonly isForeign: boolean;
  /**
   * A browser in a private network may have been made to send this by a page that is none of ours: it names its own page as
   * such, or us by a name that anybody may have pointed here.
   */
  readonly mayBeForged: boolean;
  /** The browser speaks TLS, to us or to a trusted proxy. */
  readonly isSecure: boolean;
  /** Where the client reaches this server, without a slash at the end: `https://host:port/prefix`, as a trusted proxy says it. */
  readonly baseUrl: string;
  /** The path of that: below which folder a trusted proxy shows this server; empty for none. */
  readonly prefix: string;
  /** It came through a proxy that is not believed: all of its clients count as one address. */
  readonly isUnknownProxy: boolean;
  /** It came through a proxy, believed or not. */
  readonly isProxied: boolean;
}

/** Names that no public name server can point here: without them any web page could rebind its own name to our address. */
const LOCAL_SUFFIXES = ['.local', '.localhost', '.lan', '.home', '.internal', '.home.arpa'];
const HOPS_LIMIT = 32;
const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)(:\d+)?$/i;
/** Below which path a proxy shows this server: what may stand in an address and as a cookie's Path as it is. */
const PREFIX = /^(\/[\w.~!$&'()*+=:@%-]+)+\/?$/;

export function originOf(headers: IncomingHttpHeaders, peer: string, isTls: boolean, trusted: IpList): RequestOrigin {
  const peerIp = canonicalIp(peer) ?? '';
  const hasForwarded = Object.keys(headers).some(isForwardedHeader);
  const isTrustedProxy = hasForwarded && trusted.has(peerIp);
  const client = isTrustedProxy ? forwardedClient(headers, trusted) : undefined;
  const ip = client ?? peerIp;
  // Through an unknown proxy, or a known one that does not tell: the client may be anybody.
  const isKnownClient = !hasForwarded || client !== undefined;
  // HTTP/2 has the host in a field of its own (RFC 9113 §8.3.1).
  const named = headers.host ?? first(headers[':authority']) ?? '';
  const told = isTrustedProxy ? statedBy(headers) : {};
  const host = told.host ?? named;
  const hostName = hostNameOf(host);
  const isOwnPage = !isForeignPage(headers);
  const isOfOurs = isSameOrigin(headers, host);
  // What the proxy speaks to us says nothing of what the browser speaks to the proxy.
  const isSecure = told.scheme === undefined ? isTls : told.scheme === 'https';
  return {
    ip,
    isLoopback: isKnownClient && isLoopbackIp(ip) && isLoopbackHost(hostName) && isOwnPage,
    isPrivate: isKnownClient && isPrivateIp(ip) && isLocalHost(hostName),
    isSameOrigin: isOfOurs,
    isForeign: namesPage(headers) && !isOfOurs,
    mayBeForged:
      isPrivateIp(ip) && (isOtherHostsPage(headers, hostName) || (!isTrustedProxy && isPublicName(hostName))),
    isSecure,
    baseUrl: `${isSecure ? 'https' : 'http'}://${HOST.test(host) ? host : 'localhost'}${told.prefix ?? ''}`,
    prefix: told.prefix ?? '',
    isUnknownProxy: hasForwarded && !isTrustedProxy,
    isProxied: hasForwarded,
  };
}

/** The request has come by TLS to Perch itself. */
export const isByTls = ({ socket }: Pick<IncomingMessage, 'socket'>): boolean =>
  'encrypted' in socket && socket.encrypted === true;

/** A browser says which page a request is for: with all that pages change, and with WebSockets. Programs send neither field. */
export const namesPage = ({ origin, 'sec-fetch-site': site }: IncomingHttpHeaders): boolean =>
  origin !== undefined || site !== undefined;

/** Over plain http browsers name no page when they fetch a picture or follow a link, but every browser calls itself Mozilla. */
export const isBrowser = (headers: IncomingHttpHeaders): boolean =>
  namesPage(headers) || headers['user-agent']?.startsWith('Mozilla/') === true;

/** What a trusted proxy says about itself. */
interface Told {
  readonly scheme?: string | undefined;
  readonly host?: string | undefined;
  readonly prefix?: string | undefined;
}

function statedBy(headers: IncomingHttpHeaders): Told {
  const standard = hasOlderHeaders(headers) ? {} : (standardHops(headers).at(-1) ?? {});
  const scheme = first(headers['x-forwarded-proto']) ?? standard.proto?.toLowerCase();
  const prefix = first(headers['x-forwarded-prefix']) ?? '';
  return {
    scheme: scheme === 'http' || scheme === 'https' ? scheme : undefined,
    host: first(headers['x-forwarded-host']) ?? standard.host,
    prefix: PREFIX.test(prefix) ? prefix.replace(/\/$/, '') : undefined,
  };
}

const isForwardedHeader = (name: string): boolean => isOlderHeader(name) || name === 'forwarded';
const isOlderHeader = (name: string): boolean => name.startsWith('x-forwarded-') || name === 'x-real-ip';

/** A proxy that sets these passes on whatever else the client has written, `Forwarded` among it: then that is not believed. */
const hasOlderHeaders = (headers: IncomingHttpHeaders): boolean => Object.keys(headers).some(isOlderHeader);

interface Hop {
  readonly for?: string;
  readonly proto?: string;
  readonly host?: string;
}

/** `for=192.0.2.1;proto=https, for="[2001:db8::1]:4711"` (RFC 7239 §4), the newest last. */
function standardHops({ forwarded = '' }: IncomingHttpHeaders): Hop[] {
  return forwarded
    .split(',')
    .slice(-HOPS_LIMIT)
    .map((hop) => {
      const fields: { for?: string; proto?: string; host?: string } = {};
      for (const pair of hop.split(';')) {
        const [, name = '', quoted, plain] = /^\s*(for|proto|host)=(?:"([^"\\]*)"|([^\s"]*))\s*$/i.exec(pair) ?? [];
        if (name !== '') {
          fields[name.toLowerCase() as keyof Hop] = quoted ?? plain ?? '';
        }
      }
      return fields;
    });
}

/**
 * The newest address that is not itself a trusted proxy's: what stands before it anybody may have written. Undefined when the oldest
 * trusted proxy does not tell, so that the client may be anybody.
 */
function forwardedClient(headers: IncomingHttpHeaders, trusted: IpList): string | undefined {
  const list = headers['x-forwarded-for'];
  if (list === undefined && hasOlderHeaders(headers)) {
    // Beside a list it is passed on as the client has written it.
    return withoutPort(String(headers['x-real-ip'] ?? '').trim());
  }
  const hops = list === undefined ? standardHops(headers).map((hop) => hop.for ?? '') : String(list).split(',');
  let client: string | undefined;
  for (const hop of hops.slice(-HOPS_LIMIT).reverse()) {
    client = withoutPort(hop.trim());
    if (client === undefined || !trusted.has(client)) {
      return client;
    }
  }
  return client;
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`. */
function withoutPort(text: string): string | undefined {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text);
  const v4 = /^([\d.]+):\d+$/.exec(text);
  return canonicalIp(bracketed?.[1] ?? v4?.[1] ?? text);
}

const first = (header: string | string[] | undefined): string | undefined =>
  (Array.isArray(header) ? header[0] : header)?.split(',')[0]?.trim();

/** The host of `Host` without port and brackets, in lower case. */
function hostNameOf(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host);
  return (bracketed?.[1] ?? host.replace(/:\d*$/, '')).toLowerCase();
}

const isLoopbackHost = (name: string): boolean => name === 'localhost' || isIP(name) !== 0;

function isLocalHost(name: string): boolean {
  const isSingleLabel = name !== '' && !name.includes('.');
  return isIP(name) !== 0 || isSingleLabel || LOCAL_SUFFIXES.some((suffix) => name.endsWith(suffix));
}

/**
 * A browser sends this on behalf of a page that is not on this machine. Pages of localhost and loopback addresses are:
 * the player on another port of ours, for example. `Sec-Fetch-Site` also covers pictures and scripts, which have no `Origin`.
 */
function isForeignPage(headers: IncomingHttpHeaders): boolean {
  const { origin } = headers;
  if (origin !== undefined) {
    const url = URL.canParse(origin) ? new URL(origin) : undefined;
    const name = url === undefined ? '' : hostNameOf(url.host);
    if (name !== 'localhost' && !isLoopbackIp(name)) {
      return true;
    }
  }
  const isFollowedLink = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  return headers['sec-fetch-site'] === 'cross-site' && origin === undefined && !isFollowedLink;
}

/** Programs that name no host at all are no browsers. */
const isPublicName = (name: string): boolean => name !== '' && !isLocalHost(name);

/** On behalf of a page that another machine serves; what another port of this one serves is as much its own as we are. */
function isOtherHostsPage(headers: IncomingHttpHeaders, ownName: string): boolean {
  const { origin } = headers;
  const name = origin !== undefined && URL.canParse(origin) ? hostNameOf(new URL(origin).host) : '';
  return name === '' || name !== ownName ? isForeignPage(headers) : false;
}

/** `Sec-Fetch-Site` where the browser sends it (only to https and localhost), else `Origin` against `Host`; neither: no proof. */
function isSameOrigin(headers: IncomingHttpHeaders, host: string): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) {
    return site === 'same-origin' || site === 'none';
  }
  const { origin } = headers;
  if (origin === undefined || !URL.canParse(origin) || !/^https?:/.test(origin)) {
    return false;
  }
  // The default port is left out of Origin and may stand in Host.
  const { protocol } = new URL(origin);
  return URL.canParse(`${protocol}//${host}`) && new URL(`${protocol}//${host}`).host === new URL(origin).host;
}
