import { PerchError } from '../../base/errors.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';

const DEFAULT_PORT = 554;

/** Where a camera's stream is. */
export interface Address {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** For request lines and messages: never holds credentials. */
  readonly uri: string;
  /** `rtsp://host:port`, the start of `uri`. */
  readonly origin: string;
  readonly credentials: Credentials | undefined;
}

/** @param name of the path, for the message */
export function parseAddress(url: string, name: string): Address {
  const address = readAddress(url);
  if (!address) {
    throw new PerchError('badInput', `the URL of path '${name}' is not rtsp://host:port/…`, { path: name });
  }
  return address;
}

function readAddress(url: string): Address | undefined {
  // The last @ before the first slash ends the credentials, so that @, # and ? in a password do no harm.
  const match = /^rtsp:\/\/(?:([^/]*)@)?(\[[\da-f:.%]+\]|[^\s/?#:]+)(?::(\d{1,5}))?([/?][^\s#]*)?(?:#.*)?$/i.exec(
    url.trim(),
  );
  const port = Number(match?.[3] ?? DEFAULT_PORT);
  const host = match?.[2];
  if (!match || host === undefined || port < 1 || port > 65_535) {
    return undefined;
  }
  const origin = match[3] === undefined ? `rtsp://${host}` : `rtsp://${host}:${port}`;
  return {
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port,
    origin,
    uri: `${origin}${match[4] ?? '/'}`,
    credentials: match[1] === undefined ? undefined : parseUserInfo(match[1]),
  };
}

function parseUserInfo(text: string): Credentials {
  const colon = text.indexOf(':');
  return colon < 0
    ? { user: decode(text), password: '' }
    : { user: decode(text.slice(0, colon)), password: decode(text.slice(colon + 1)) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A plain % in a password that nobody encoded.
    return text;
  }
}

/**
 * The base of a description's control URLs.
 * Only the path of Content-Base is believed, not its host: cameras write host names, the address of their other interface,
 * `rtsp://rtsp://`, nothing at all, or `::ffff:1.2.3.4` without brackets.
 */
export function baseOf(address: Address, contentBase: string | undefined): string {
  const text = contentBase?.trim().replace(/^"(.*)"$/, '$1') ?? '';
  return text === '' ? address.uri : onOrigin(address, text);
}

/** RFC 2326 appendix C.1.1, as cameras mean it: relative to the whole base, its query included. */
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
  return `${base.replace(/\/$/, '')}/${text.replace(/^\//, '')}`;
}

function onOrigin(address: Address, text: string): string {
  const rest = text.replace(/^(?:rtsps?:\/\/)+/i, '');
  const hasScheme = rest !== text;
  const looksLikeHost = /^[^/?]*[.:][^/?]*(?:[/?]|$)/.test(rest);
  if (!hasScheme && !looksLikeHost) {
    return `${address.origin}/${rest.replace(/^\//, '')}`;
  }
  const path = rest.replace(/^[^/?]*/, '');
  return path === '' ? `${address.origin}/` : `${address.origin}${path}`;
}

/** The address that a redirect names; a relative one is on the same host. */
export function redirectedTo(address: Address, location: string, name: string): Address {
  const url = location.startsWith('/') ? `${address.origin}${location}` : location;
  const redirected = readAddress(url);
  if (!redirected) {
    const message = `camera of path '${name}' redirects to what is not rtsp://host:port/…`;
    throw new PerchError('unsupported', message, { path: name });
  }
  return redirected;
}
