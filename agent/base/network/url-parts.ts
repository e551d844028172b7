import { PerchError } from '../errors.ts';

/** The parts of an address as they are written. The addresses of cameras are not web URLs: each character may have a meaning for the camera. */
export interface UrlParts {
  /** In lower case. */
  readonly scheme: string;
  /** Percent-encoded or not, or undefined without an `@`. */
  readonly login: string | undefined;
  /** IPv6 with brackets and zone; empty for a local file. */
  readonly host: string;
  readonly port: number | undefined;
  /** From the first `/`, `?` or `#` after the host to the end. */
  readonly rest: string;
}

// The last @ before the first slash ends the login: a password may contain :, @, # and ?, a user name @.
const PARTS =
  /^(?<scheme>[a-z][a-z\d+.-]{0,19}):\/\/(?:(?<login>[^/?#:]*|[^/?#:]*:[^/]*)@)?(?<host>\[[\da-f:.]+(?:%[\w.~-]+)?\]|[^\s@/?#:[\]]*)(?::(?<port>\d{1,5}))?(?<rest>(?:[/?#].*)?)$/isu;

/** How to write a password, for messages about a text that is none. */
export const ESCAPES = 'in a password write / as %2F, and % as %25 where two digits or a to f follow';

/** Undefined: not `scheme://[user:password@]host[:port][/path][?query]`. */
export function splitUrl(text: string): UrlParts | undefined {
  const bare = text.trim();
  const { scheme, login, host, port: portText, rest } = (!/\p{Cc}/u.test(bare) && PARTS.exec(bare)?.groups) || {};
  const port = portText === undefined ? undefined : Number(portText);
  if (
    scheme === undefined ||
    host === undefined ||
    rest === undefined ||
    (port !== undefined && !(port > 0 && port < 65_536))
  ) {
    return undefined;
  }
  return { scheme: scheme.toLowerCase(), login, host, port, rest };
}

/** Percent-decodes a text. Text with an invalid escape, such as a password with a bare %, stays as it is. */
export function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** User and password, decoded. The password is undefined without a colon. */
export function parseLogin(login: string): { readonly user: string; readonly password: string | undefined } {
  const colon = login.indexOf(':');
  return colon < 0
    ? { user: percentDecode(login), password: undefined }
    : { user: percentDecode(login.slice(0, colon)), password: percentDecode(login.slice(colon + 1)) };
}

/** The same address with a login that `URL` can parse. */
export function webUrl(text: string): string {
  const parts = splitUrl(text);
  if (parts?.login === undefined) {
    return text.trim();
  }
  const { scheme, login, host, port, rest } = parts;
  const { user, password } = parseLogin(login.toWellFormed());
  const encoded = [user, password].filter((part) => part !== undefined).map(encodeURIComponent);
  return `${scheme}://${encoded.join(':')}@${host}${port === undefined ? '' : `:${port}`}${rest}`;
}

/** The host of an address without brackets and with its zone, as sockets take it. */
export const bareHost = (host: string): string => host.replace(/^\[(.*)\]$/, '$1').replace(/%25(?=.)/, '%');

/** @throws PerchError badInput */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new PerchError('badInput', `'${text.slice(0, 60)}' is not percent-encoded UTF-8`);
  }
}
