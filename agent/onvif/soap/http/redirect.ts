import { cameraError } from './failures.ts';
import { type HttpPlace, type HttpReply, nameOf, placeOf, plainNameOf } from './http-exchange.ts';

const REDIRECTS = [301, 302, 307, 308];

/**
 * Where a camera sends us on to: from http to https, mostly. Never to another host, and never from https to http.
 * @returns undefined when it does not
 */
export function redirectOf(
  { status, headers }: HttpReply,
  from: HttpPlace,
  path: string,
): { readonly place: HttpPlace; readonly path: string } | undefined {
  const location = headers['location']?.[0];
  if (!REDIRECTS.includes(status) || location === undefined) {
    return undefined;
  }
  const base = new URL(`${from.isSecure ? 'https' : 'http'}://${plainNameOf(from)}${path}`);
  const url = URL.canParse(location, base) ? new URL(location, base) : undefined;
  if (url?.hostname !== base.hostname || (url.protocol !== 'https:' && url.protocol !== base.protocol)) {
    const words = 'the camera sends us elsewhere, where nobody follows';
    throw cameraError('badReply', words, { host: nameOf(from), status });
  }
  return { place: { ...placeOf(url), host: from.host }, path: url.pathname + url.search };
}
