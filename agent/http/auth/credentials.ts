import type { IncomingHttpHeaders } from 'node:http';

export interface Credentials {
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
}

/** The session cookie's name. Cookies know no ports: without a proxy the same session holds on every port of this host. */
export const SESSION_COOKIE = 'perch_session';
/** Holds the token of a link to guests, once the page has opened it. */
export const GUEST_COOKIE = 'perch_guest';
/** Shows that somebody was logged in on this device. It stays when the session is over, and opens nothing. */
export const DEVICE_COOKIE = 'perch_device';

/**
 * `Authorization: Bearer user:password`, `Bearer <token>` or `Basic` (RFC 7617, RFC 6750 §2.1).
 * What cannot be read counts as a wrong token: something was offered.
 */
export function credentialsOf(headers: IncomingHttpHeaders): Credentials {
  const { authorization } = headers;
  if (authorization === undefined || authorization === '') {
    return {};
  }
  const [, scheme = '', value = ''] = /^(\S+) +(\S*)$/.exec(authorization.trim()) ?? [];
  if (scheme.toLowerCase() === 'bearer') {
    const parts = value.split(':');
    const [user = '', password = ''] = parts;
    return parts.length === 2 ? { user, password } : { token: value };
  }
  if (scheme.toLowerCase() !== 'basic') {
    return { token: authorization };
  }
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? { token: value } : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

const BEARER = /^\s*bearer\s/i;
/** Types that a page may send to another origin without asking first (CORS-safelisted, Fetch §2.2.2); no type at all is one, too. */
const SIMPLE_TYPES = new Set(['', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']);

/** Without what a browser can have added by itself. Nobody but a program or a script writes a bearer token. */
export const writtenCredentialsOf = (headers: IncomingHttpHeaders): Credentials =>
  BEARER.test(headers.authorization ?? '') ? credentialsOf(headers) : {};

/**
 * Whether a browser may have added a stored name and password to what a page of another site makes it send: to each handshake of a
 * WebSocket, and to each POST that it sends without asking first. Where it asks first (CORS preflight) it adds none afterwards,
 * because no answer of ours has `Access-Control-Allow-Credentials`.
 */
export function mayBeAdded(method: string, headers: IncomingHttpHeaders): boolean {
  return headers.upgrade !== undefined || (method === 'POST' && SIMPLE_TYPES.has(mediaTypeOf(headers)));
}

/** `application/json` of `Application/JSON; charset=utf-8`; empty for none. */
export const mediaTypeOf = (headers: IncomingHttpHeaders): string =>
  (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/**
 * What a cookie is called over TLS. With one name for both nobody could log in over plain http any more once he had over TLS:
 * browsers keep what is Secure from being replaced there, and without a word (RFC 6265bis §5.7).
 */
const OVER_TLS = '_tls';

/** The session's token in `Cookie` (RFC 6265 §4.2.1), if there is one. */
export const sessionTokenOf = (headers: IncomingHttpHeaders): string | undefined => cookieOf(headers, SESSION_COOKIE);

/** All of them: over TLS that of plain http comes along. */
export const sessionTokensOf = (headers: IncomingHttpHeaders): readonly string[] =>
  [`${SESSION_COOKIE}${OVER_TLS}`, SESSION_COOKIE]
    .map((name) => namedCookie(headers, name))
    .filter((token) => token !== undefined);

/** The first cookie of this name, that which was given over TLS before the other. */
export const cookieOf = (headers: IncomingHttpHeaders, name: string): string | undefined =>
  namedCookie(headers, `${name}${OVER_TLS}`) ?? namedCookie(headers, name);

function namedCookie({ cookie = '' }: IncomingHttpHeaders, name: string): string | undefined {
  for (const pair of cookie.split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) {
      return pair.slice(equals + 1).trim() || undefined;
    }
  }
  return undefined;
}

/** How the browser reaches this server. */
export interface CookiePlace {
  readonly isSecure: boolean;
  /** The folder of a proxy: what else stands on its host does not get the cookie, another Perch in another folder among it. */
  readonly prefix: string;
}

/** The longest that browsers keep a cookie; how long an idle session lasts is decided here, not there. */
const MAX_COOKIE_S = 400 * 86_400;

/**
 * Lax, not Strict: a link to a recording in a message must open logged in. What changes something is proof against
 * other sites all the same: it wants the same origin. Not Secure over plain HTTP, or the browser would drop it.
 * An empty value takes the cookie away.
 */
export function ownCookie(name: string, value: string, place: CookiePlace, lifeS = MAX_COOKIE_S): string {
  const { isSecure, prefix } = place;
  const keptS = value === '' ? 0 : Math.max(0, Math.min(Math.ceil(lifeS), MAX_COOKIE_S));
  const path = prefix === '' ? '/' : prefix;
  const secure = isSecure ? '; Secure' : '';
  return `${name}${isSecure ? OVER_TLS : ''}=${value}; Path=${path}; HttpOnly; SameSite=Lax; Max-Age=${keptS}${secure}`;
}

export const sessionCookie = (token: string, place: CookiePlace): string => ownCookie(SESSION_COOKIE, token, place);

/** Takes a cookie away, over TLS that of plain http too. */
export const noCookie = (name: string, { isSecure, prefix }: CookiePlace): string | string[] => {
  const plain = ownCookie(name, '', { isSecure: false, prefix });
  return isSecure ? [ownCookie(name, '', { isSecure, prefix }), plain] : plain;
};
