/** Carries a session's secret. Each path has its own, because browsers send it back to the folder that it came from only. */
export const SESSION_COOKIE = 'hlsSession';
/** Set and looked for again, to learn whether the player keeps cookies. */
export const CHECK_COOKIE = 'cookieCheck';

/** No browser sends more of one name; of what is made up not everything has to be looked at. */
const MAX_VALUES = 16;

/** All cookies of a name (RFC 6265 §5.4: those of deeper folders come first). */
export function cookiesOf(header: string | undefined, name: string): readonly string[] {
  if (header === undefined || !header.includes(name)) {
    return [];
  }
  const values: string[] = [];
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name && values.length < MAX_VALUES) {
      values.push(pair.slice(equals + 1).trim());
    }
  }
  return values;
}

/**
 * Over TLS it is also kept for a page of another site that shows the player in a frame, apart for each such site. Over plain HTTP
 * browsers drop what is Secure, and keep what is not for pages of ours alone. Without Path: it holds for the folder of the request,
 * behind whatever prefix a proxy puts.
 */
export function cookie(name: string, value: string, isSecure: boolean): string {
  return `${name}=${value}; HttpOnly; ${isSecure ? 'Secure; SameSite=None; Partitioned' : 'SameSite=Lax'}`;
}
