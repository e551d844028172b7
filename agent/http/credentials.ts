import type { IncomingHttpHeaders } from 'node:http';

export interface Credentials {
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
}

/** The session cookie's name. Cookies know no ports: the same session holds on every port of this host. */
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

/** The session's token in `Cookie` (RFC 6265 §4.2.1), if there is one. */
export const sessionTokenOf = (headers: IncomingHttpHeaders): string | undefined => cookieOf(headers, SESSION_COOKIE);

/** The first cookie of this name. */
export function cookieOf({ cookie = '' }: IncomingHttpHeaders, name: string): string | undefined {
  for (const pair of cookie.split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) {
      return pair.slice(equals + 1).trim() || undefined;
    }
  }
  return undefined;
}

/** The longest that browsers keep a cookie; how long an idle session lasts is decided here, not there. */
const LONGEST_COOKIE_S = 400 * 86_400;

/**
 * Lax, not Strict: a link to a recording in a message must open logged in. What changes something is proof against
 * other sites all the same: it wants the same origin. Not Secure over plain HTTP, or the browser would drop it.
 * An empty value takes the cookie away.
 */
export function ownCookie(name: string, value: string, isSecure: boolean, lifeS = LONGEST_COOKIE_S): string {
  const keptS = value === '' ? 0 : Math.max(0, Math.min(Math.ceil(lifeS), LONGEST_COOKIE_S));
  const secure = isSecure ? '; Secure' : '';
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${keptS}${secure}`;
}

export const sessionCookie = (token: string, isSecure: boolean): string => ownCookie(SESSION_COOKIE, token, isSecure);
