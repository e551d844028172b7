import { PerchError } from '../../../base/errors.ts';
import { bareHost, parseLogin, splitUrl } from '../../../base/network/url-parts.ts';
import type { Credentials } from '../../../media/rtsp/digest.ts';

/** With and without a tunnel, as in MediaMTX and FFmpeg: cameras accept a tunnel on RTSP's port, too. */
const DEFAULT_PORT = 554;
const DEFAULT_TLS_PORT = 322;

/** What carries RTSP: TCP itself, two HTTP requests, or a WebSocket. */
type Tunnel = 'none' | 'http' | 'websocket';

const TUNNELS: Record<string, Tunnel> = { '': 'none', '+http': 'http', '+ws': 'websocket' };

/** The address of a camera's stream. */
export interface Address {
  /** RTSP over TLS. */
  readonly isSecure: boolean;
  readonly tunnel: Tunnel;
  /** Host name or IP address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** URL for request lines and messages; without credentials. */
  readonly uri: string;
  /** `rtsp://host:port` or `rtsps://host:port`, the start of `uri`. */
  readonly origin: string;
  readonly credentials: Credentials | undefined;
}

/** `host:port`, for messages and HTTP's Host. */
export function hostPortOf({ host, port }: Pick<Address, 'host' | 'port'>): string {
  const bare = host.replace(/%.*/, '');
  return bare.includes(':') ? `[${bare}]:${port}` : `${bare}:${port}`;
}

/** @param name of the path, for the message */
export function parseAddress(url: string, name: string): Address {
  const address = readAddress(url);
  if (!address) {
    throw new PerchError('badInput', `the URL of path '${name}' is not rtsp://host:port/…`, { path: name });
  }
  return address;
}

const SCHEME = /^rtsp(?<tls>s?)(?<tunnel>|\+http|\+ws)$/;

function readAddress(url: string): Address | undefined {
  const parts = splitUrl(url);
  const { tls, tunnel = '' } = SCHEME.exec(parts?.scheme ?? '')?.groups ?? {};
  // A blank would end the address in the request line.
  if (!parts || tls === undefined || parts.host === '' || /\s/.test(parts.rest)) {
    return undefined;
  }
  const { login, host, port, rest } = parts;
  const isSecure = tls !== '';
  // A zone (RFC 6874) names an interface of this box; the camera does not know it.
  const shown = host.replace(/%[^\]]*/, '');
  const place = port === undefined ? shown : `${shown}:${port}`;
  const origin = `${isSecure ? 'rtsps' : 'rtsp'}://${place}`;
  return {
    isSecure,
    tunnel: TUNNELS[tunnel] ?? 'none',
    host: bareHost(host),
    port: port ?? (isSecure ? DEFAULT_TLS_PORT : DEFAULT_PORT),
    origin,
    uri: `${origin}${rest === '' ? '/' : rest}`,
    credentials: login === undefined ? undefined : credentialsOf(login),
  };
}

function credentialsOf(login: string): Credentials {
  const { user, password = '' } = parseLogin(login);
  return { user, password };
}

/**
 * The base of a description's control URLs.
 * Only the path of Content-Base is used, not its host: cameras send host names, the address of another interface,
 * `rtsp://rtsp://`, an empty value, or `::ffff:1.2.3.4` without brackets.
 */
export function baseOf(address: Address, contentBase: string | undefined): string {
  const text = contentBase?.trim().replace(/^"(.*)"$/, '$1') ?? '';
  return text === '' ? address.uri : onOrigin(address, text);
}

/** RFC 2326 appendix C.1.1. As cameras expect, a relative control URL is appended to the whole base, including its query. */
export function joinControl(address: Address, base: string, control: string | undefined): string {
  const text = control?.trim() ?? '';
  if (text === '' || text === '*') {
    return base;
  }
  if (/^rtsps?:\/\//i.test(text)) {
    return onOrigin(address, text);
  }
  if (text.startsWith('?')) {
    return base + text;
  }
  const basePath = base
    .slice(address.origin.length)
    .replace(/[?#].*$/, '')
    .replace(/\/$/, '');
  if (basePath !== '' && text.startsWith(`${basePath}/`)) {
    return address.origin + text;
  }
  return `${base.replace(/\/$/, '')}/${text.replace(/^\//, '')}`;
}

function onOrigin(address: Address, text: string): string {
  const rest = text.replace(/^(?:rtsps?:\/\/)+/i, '');
  const hasScheme = rest !== text;
  const looksLikeHost = /^[^/?#]*[.:][^/?#]*(?:[/?#]|$)/.test(rest);
  if (!hasScheme && !looksLikeHost) {
    return `${address.origin}/${rest.replace(/^\//, '')}`;
  }
  const path = rest.replace(/^[^/?#]*/, '');
  return path === '' ? `${address.origin}/` : `${address.origin}${path}`;
}

/**
 * The address of a redirect; a relative one is on the same host. A redirect within a tunnel does not name the tunnel: the tunnel stays,
 * and on the same host also its port.
 */
export function redirectedTo(address: Address, location: string, name: string): Address {
  const url = location.startsWith('/') ? `${address.origin}${location}` : location;
  const there = readAddress(url);
  if (!there) {
    const message = `camera of path '${name}' redirects to an address that is not rtsp://host:port/…`;
    throw new PerchError('unsupported', message, { path: name });
  }
  const redirected = { ...there, host: inZoneOf(address, there.host) };
  if (address.tunnel === 'none' || redirected.tunnel !== 'none') {
    return redirected;
  }
  const isNear = redirected.host === address.host && redirected.isSecure === address.isSecure;
  return { ...redirected, tunnel: address.tunnel, port: isNear ? address.port : redirected.port };
}

/** Adds the zone of the camera's address to another link-local address (RFC 4291 §2.5.6) that the camera names. */
function inZoneOf({ host }: Address, other: string): string {
  const zone = /%.*/.exec(host)?.[0] ?? '';
  return /^fe[89ab][\da-f]:/i.test(other) && !other.includes('%') ? other + zone : other;
}
