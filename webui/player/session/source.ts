import { encodeName } from '../../api-client/urls.ts';

/** Where a path's pictures come from, way by way. What is undefined is not served there. */
export interface Source {
  readonly whep: string | undefined;
  /** `ws:` or `wss:` */
  readonly mse: string | undefined;
  readonly hls: string | undefined;
  /** They go with each request; to another origin only what it allows. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Services {
  /** With a slash at the end: WHEP is at `{webrtc}{path}/whep`. */
  readonly webrtc: string | undefined;
  /** With a slash at the end: playlists are at `{hls}{path}/index.m3u8`, live fMP4 at `{hls}{path}/mse`. */
  readonly hls: string | undefined;
}

/** @param query with its `?`, or empty: it goes with every address (a token, say) */
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
 * A WHEP session's own address. Its secret is the last part of `Location`; what stands before it is the device's view of
 * the address, which a proxy's sub-folder is missing from.
 */
export function sessionAddress(whep: string, location: string): string | undefined {
  const secret = /([^/?#]+)(?:[?#].*)?$/.exec(location)?.[1];
  const [, folder = whep, query = ''] = /^([^?]*)(\?.*)?$/.exec(whep) ?? [];
  return secret === undefined ? undefined : `${folder}/${secret}${query}`;
}
