import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { canonicalIp, type IpList, isLoopbackIp, isPrivateIp } from '../../base/network/ip-address.ts';

/** Origin of a request, as far as connection and headers are reliable. */
export interface RequestOrigin {
  /** Canonical; empty if the connection is closed already. */
  readonly ip: string;
  readonly isLoopback: boolean;
  readonly isPrivate: boolean;
  /** Caused by an own page, or not by a browser: its cookie may authorize changes. */
  readonly isSameOrigin: boolean;
  /** From a browser, without proof of an own page. */
  readonly isForeign: boolean;
  /**
   * A foreign page may have caused the request of a browser in a private network: the request names that page, or uses a host name that
   * anyone may point here.
   */
  readonly mayBeForged: boolean;
  /** The browser uses TLS, to Perch or to a trusted proxy. */
  readonly isSecure: boolean;
  /** Base address for the client, without trailing slash: `https://host:port/prefix`, as a trusted proxy reports it. */
  readonly baseUrl: string;
  /** Its path: the folder of a trusted proxy; empty without one. */
  readonly prefix: string;
  /** Through an untrusted proxy: all of its clients count as one address. */
  readonly isUnknownProxy: boolean;
  /** Through any proxy. */
  readonly isProxied: boolean;
}

/** Host names that public DNS cannot point here; others allow DNS rebinding. */
const LOCAL_SUFFIXES = ['.local', '.localhost', '.lan', '.home', '.internal', '.home.arpa'];
const MAX_HOPS = 32;
const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)(:\d+)?$/i;
/** A proxy's folder, limited to characters that are safe in addresses and in a cookie's Path. */
const PREFIX = /^(\/[\w.~!$&'()*+=:@%-]+)+\/?$/;

/** Origins that another server of the fleet has judged. Undefined: there was none. */
let carried: WeakMap<IncomingMessage, RequestOrigin> | undefined;

/** @param raw of a request that was forwarded @param origin that of the client's own request */
export function carryOrigin(raw: IncomingMessage, origin: RequestOrigin): void {
  carried ??= new WeakMap();
  carried.set(raw, origin);
}

export const carriedOrigin = (raw: IncomingMessage): RequestOrigin | undefined => carried?.get(raw);

export function originOf(
  headers: IncomingHttpHeaders,
  peer: string,
  isTls: boolean,
  trusted: IpList,
  httpVersion = '1.1',
): RequestOrigin {
  const peerIp = canonicalIp(peer) ?? '';
  const hasForwarded = Object.keys(headers).some(isForwardedHeader);
  const isTrustedProxy = hasForwarded && trusted.has(peerIp);
  const client = isTrustedProxy ? forwardedClient(headers, trusted) : undefined;
  const ip = client ?? peerIp;
  // The client is unknown behind an untrusted proxy, or a trusted one that does not report it.
  const isKnownClient = !hasForwarded || client !== undefined;
  // nginx without further settings adds no forwarded header, and speaks HTTP/1.0.
  const isPlainProxy = httpVersion === '1.0' && client === undefined;
  // HTTP/2 has the host in its own field (RFC 9113 §8.3.1).
  const named = headers.host ?? first(headers[':authority']) ?? '';
  const stated = isTrustedProxy ? statedBy(headers) : {};
  const host = stated.host ?? named;
  const hostName = hostNameOf(host);
  const isOwnPage = !isForeignPage(headers);
  const isOfOurs = isSameOrigin(headers, host);
  // TLS to the proxy says nothing about TLS of the browser.
  const isSecure = stated.scheme === undefined ? isTls : stated.scheme === 'https';
  return {
    ip,
    isLoopback: isKnownClient && !isPlainProxy && isLoopbackIp(ip) && isLoopbackHost(hostName) && isOwnPage,
    isPrivate: isKnownClient && isPrivateIp(ip) && isLocalHost(hostName),
    isSameOrigin: isOfOurs,
    isForeign: namesPage(headers) && !isOfOurs,
    mayBeForged:
      isPrivateIp(ip) && (isOtherHostsPage(headers, hostName) || (!isTrustedProxy && isPublicName(hostName))),
    isSecure,
    baseUrl: `${isSecure ? 'https' : 'http'}://${HOST.test(host) ? host : 'localhost'}${stated.prefix ?? ''}`,
    prefix: stated.prefix ?? '',
    isUnknownProxy: hasForwarded && !isTrustedProxy,
    isProxied: hasForwarded,
  };
}

/** The request came by TLS to Perch itself. */
export const isByTls = ({ socket }: Pick<IncomingMessage, 'socket'>): boolean =>
  'encrypted' in socket && socket.encrypted === true;

/** Browsers send these with changes and WebSockets; programs do not. */
export const namesPage = ({ origin, 'sec-fetch-site': site }: IncomingHttpHeaders): boolean =>
  origin !== undefined || site !== undefined;

/** Over plain http browsers send no such field for images and links, but all call themselves Mozilla. */
export const isBrowser = (headers: IncomingHttpHeaders): boolean =>
  namesPage(headers) || headers['user-agent']?.startsWith('Mozilla/') === true;

/** Forwarding facts of a trusted proxy. */
interface Stated {
  readonly scheme?: string | undefined;
  readonly host?: string | undefined;
  readonly prefix?: string | undefined;
}

function statedBy(headers: IncomingHttpHeaders): Stated {
  const standard = hasOlderHeaders(headers) ? {} : (standardHops(headers).at(-1) ?? {});
  const scheme = first(headers['x-forwarded-proto']) ?? standard.proto?.toLowerCase();
  const prefix = first(headers['x-forwarded-prefix']) ?? '';
  return {
    scheme: scheme === 'http' || scheme === 'https' ? scheme : undefined,
    host: first(headers['x-forwarded-host']) ?? standard.host,
    prefix: PREFIX.test(prefix) ? prefix.replace(/\/$/, '') : undefined,
  };
}

/** `Via` is of every proxy that follows RFC 9110 §7.6.3. */
const isForwardedHeader = (name: string): boolean => isOlderHeader(name) || name === 'forwarded' || name === 'via';
const isOlderHeader = (name: string): boolean => name.startsWith('x-forwarded-') || name === 'x-real-ip';

/** Proxies that set these pass the client's `Forwarded` on, so that one is ignored. */
const hasOlderHeaders = (headers: IncomingHttpHeaders): boolean => Object.keys(headers).some(isOlderHeader);

interface Hop {
  readonly for?: string;
  readonly proto?: string;
  readonly host?: string;
}

/** `for=192.0.2.1;proto=https, for="[2001:db8::1]:4711"` (RFC 7239 §4), newest last. */
function standardHops({ forwarded = '' }: IncomingHttpHeaders): Hop[] {
  return forwarded
    .split(',')
    .slice(-MAX_HOPS)
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
 * The newest address that is not a trusted proxy's: earlier entries can be forged. Undefined if the oldest trusted proxy does not report
 * one.
 */
function forwardedClient(headers: IncomingHttpHeaders, trusted: IpList): string | undefined {
  const list = headers['x-forwarded-for'];
  if (list === undefined && hasOlderHeaders(headers)) {
    // Next to a list it is the client's own.
    return withoutPort(String(headers['x-real-ip'] ?? '').trim());
  }
  const hops = list === undefined ? standardHops(headers).map((hop) => hop.for ?? '') : String(list).split(',');
  let client: string | undefined;
  for (const hop of hops.slice(-MAX_HOPS).reverse()) {
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

/** Host of `Host`, without port and brackets, in lower case. */
function hostNameOf(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host);
  return (bracketed?.[1] ?? host.replace(/:\d*$/, '')).toLowerCase();
}

/** Programs on this box that name another address of it connect from that address; a gateway does not. */
const isLoopbackHost = (name: string): boolean => name === 'localhost' || isLoopbackIp(canonicalIp(name) ?? '');

function isLocalHost(name: string): boolean {
  const isSingleLabel = name !== '' && !name.includes('.');
  return isIP(name) !== 0 || isSingleLabel || LOCAL_SUFFIXES.some((suffix) => name.endsWith(suffix));
}

/**
 * Caused by a page of another device. Pages of localhost and loopback are local, such as the player on another port. `Sec-Fetch-Site` also
 * covers images and scripts, which have no `Origin`.
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

/** Programs may omit the host; browsers never do. */
const isPublicName = (name: string): boolean => name !== '' && !isLocalHost(name);

/** Caused by a page of another device; other ports of this one are trusted. */
function isOtherHostsPage(headers: IncomingHttpHeaders, ownName: string): boolean {
  const { origin } = headers;
  const name = origin !== undefined && URL.canParse(origin) ? hostNameOf(new URL(origin).host) : '';
  return name === '' || name !== ownName ? isForeignPage(headers) : false;
}

/** Decides by `Sec-Fetch-Site` (sent only to https and localhost), else by `Origin` against `Host`; without both there is no proof. */
function isSameOrigin(headers: IncomingHttpHeaders, host: string): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) {
    return site === 'same-origin' || site === 'none';
  }
  const { origin } = headers;
  if (origin === undefined || !URL.canParse(origin) || !/^https?:/.test(origin)) {
    return false;
  }
  // Origin omits the default port, Host may contain it.
  const { protocol } = new URL(origin);
  return URL.canParse(`${protocol}//${host}`) && new URL(`${protocol}//${host}`).host === new URL(origin).host;
}
