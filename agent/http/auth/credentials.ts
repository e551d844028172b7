import type { IncomingHttpHeaders } from 'node:http';

export interface Credentials {
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
}

/** Cookies ignore ports: without a proxy a session is valid on every port of this host. */
export const SESSION_COOKIE = 'perch_session';
/** Token of a guest link, set by the page. */
export const GUEST_COOKIE = 'perch_guest';
/** Marks a browser that was logged in. It outlasts the session, and grants no access. */
export const DEVICE_COOKIE = 'perch_device';
/** Distinguishes the browsers of a guest link that have push notifications. */
export const NOTIFIED_COOKIE = 'perch_notified';

/** `Authorization: Bearer user:password`, `Bearer <token>` or `Basic` (RFC 7617, RFC 6750 §2.1). Invalid values count as a wrong token. */
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
/** Types that pages may send cross-origin without a preflight (CORS-safelisted, Fetch §2.2.2), or none. */
const SIMPLE_TYPES = new Set(['', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']);

/** The credentials of a request without those that a browser can add by itself. Browsers never add a bearer token. */
export const writtenCredentialsOf = (headers: IncomingHttpHeaders): Credentials =>
  BEARER.test(headers.authorization ?? '') ? credentialsOf(headers) : {};

/**
 * Whether a browser may have added stored credentials to a request of a foreign page: to WebSocket handshakes, and to POSTs without a
 * preflight. After a preflight it adds none, because Perch never sends `Access-Control-Allow-Credentials`.
 */
export function mayBeAdded(method: string, headers: IncomingHttpHeaders): boolean {
  return headers.upgrade !== undefined || (method === 'POST' && SIMPLE_TYPES.has(mediaTypeOf(headers)));
}

/** `application/json` of `Application/JSON; charset=utf-8`; empty without one. */
export const mediaTypeOf = (headers: IncomingHttpHeaders): string =>
  (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/**
 * Name of a cookie over TLS. With one name a login over TLS would block logins over plain http: browsers silently protect Secure cookies
 * (RFC 6265bis §5.7).
 */
const OVER_TLS = '_tls';

/** The session token in `Cookie` (RFC 6265 §4.2.1). */
export const sessionTokenOf = (headers: IncomingHttpHeaders): string | undefined => cookieOf(headers, SESSION_COOKIE);

/** All session tokens: over TLS the one of plain http is sent as well. */
export const sessionTokensOf = (headers: IncomingHttpHeaders): readonly string[] =>
  [`${SESSION_COOKIE}${OVER_TLS}`, SESSION_COOKIE]
    .map((name) => namedCookie(headers, name))
    .filter((token) => token !== undefined);

/** The first cookie of this name; the one set over TLS takes precedence. */
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
  /** The folder of a proxy, so that other services on its host, such as another Perch, do not get the cookie. */
  readonly prefix: string;
}

/** The maximum of browsers; the server decides when an idle session ends. */
const MAX_COOKIE_S = 400 * 86_400;

/**
 * Lax, not Strict, so that links in messages open logged in; changes require the same origin anyway. Not Secure over plain HTTP, where
 * browsers would drop it. An empty value deletes the cookie.
 */
export function ownCookie(name: string, value: string, place: CookiePlace, lifeS = MAX_COOKIE_S): string {
  const { isSecure, prefix } = place;
  const keptS = value === '' ? 0 : Math.max(0, Math.min(Math.ceil(lifeS), MAX_COOKIE_S));
  const path = prefix === '' ? '/' : prefix;
  const secure = isSecure ? '; Secure' : '';
  return `${name}${isSecure ? OVER_TLS : ''}=${value}; Path=${path}; HttpOnly; SameSite=Lax; Max-Age=${keptS}${secure}`;
}

export const sessionCookie = (token: string, place: CookiePlace): string => ownCookie(SESSION_COOKIE, token, place);

/** Deletes a cookie; over TLS that of plain http as well. */
export const noCookie = (name: string, { isSecure, prefix }: CookiePlace): string | string[] => {
  const plain = ownCookie(name, '', { isSecure: false, prefix });
  return isSecure ? [ownCookie(name, '', { isSecure, prefix }), plain] : plain;
};
