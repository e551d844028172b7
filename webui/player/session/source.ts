import { encodeName } from '../../api-client/urls.ts';

/** Addresses of a path by technology, or undefined if not served. */
export interface Source {
  readonly whep: string | undefined;
  /** `ws:` or `wss:` */
  readonly mse: string | undefined;
  readonly hls: string | undefined;
  /** Headers of each request; other origins must allow them. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Services {
  /** With a trailing slash: WHEP is at `{webrtc}{path}/whep`. */
  readonly webrtc: string | undefined;
  /** With a trailing slash: playlists are at `{hls}{path}/index.m3u8`, live fMP4 at `{hls}{path}/mse`. */
  readonly hls: string | undefined;
}

/** @param query with its `?`, or empty; added to every address */
export function sourceAt(
  { webrtc, hls }: Services,
  path: string,
  query: string,
  headers: Source['headers'] = {},
): Source {
  const below = (service: string | undefined, what: string) =>
    service === undefined ? undefined : `${service}${encodeName(path)}/${what}${query}`;
  const mse = below(hls, 'mse');
  return {
    whep: below(webrtc, 'whep'),
    mse: mse && new URL(mse, document.baseURI).href.replace(/^http/, 'ws'),
    hls: below(hls, 'index.m3u8'),
    headers,
  };
}

export const withParameter = (address: string, parameter: string): string =>
  `${address}${address.includes('?') ? '&' : '?'}${parameter}`;

/**
 * A WHEP session's address. The last part of `Location` is its secret; the rest is the box's view of the address,
 * which lacks a proxy's sub-folder.
 */
export function sessionAddress(whep: string, location: string): string | undefined {
  const secret = /([^/?#]+)(?:[?#].*)?$/.exec(location)?.[1];
  const [, folder = whep, query = ''] = /^([^?]*)(\?.*)?$/.exec(whep) ?? [];
  return secret === undefined ? undefined : `${folder}/${secret}${query}`;
}
