/** Scripts next to the playlists of every path, for the player page and for pages of other sites. */
const LIBRARIES = ['hls.min.js', 'near-live.js', 'perch-video.js'] as const;
export type Library = (typeof LIBRARIES)[number];

type HlsRequest =
  | { readonly kind: 'page'; readonly path: string }
  | { readonly kind: 'multivariant'; readonly path: string }
  | { readonly kind: 'media'; readonly path: string; readonly rendition: string }
  | { readonly kind: 'file'; readonly path: string; readonly file: string }
  /** An HLS URL in another server's form. `to`: the playlist's URL here, if the path exists. */
  | { readonly kind: 'foreign'; readonly path: string; readonly to: string }
  | { readonly kind: 'redirect'; readonly to: string }
  | { readonly kind: 'library'; readonly name: Library }
  | { readonly kind: 'nothing' };

/** Below a path: needs permission to read it. */
export type PathRequest = Extract<HlsRequest, { readonly path: string }>;

const MEDIA_PLAYLIST = /^((?:video|audio)\d+|main)_stream\.m3u8$/;
const MEDIA_FILE = /\.(?:mp4?|ts)$/;
const PLAYLIST = '.m3u8';
/** Only delivery directives, as in most queries. */
const ONLY_DIRECTIVES = /^\??(?:_HLS_[^&]*(?:&|$))*$/;

/** @param address without prefix and query, decoded */
export function parseRequest(address: string): HlsRequest {
  const slash = address.lastIndexOf('/');
  const path = address.slice(0, Math.max(0, slash));
  const last = address.slice(slash + 1);
  const library = LIBRARIES.find((name) => name === last);
  if (library) {
    return { kind: 'library', name: library };
  }
  if (last === 'favicon.ico' || last.endsWith('.map')) {
    return { kind: 'nothing' };
  }
  const media = MEDIA_PLAYLIST.exec(last);
  const isInside = last === '' || last === 'index.m3u8' || media !== null || MEDIA_FILE.test(last);
  if (!isInside) {
    return last.endsWith(PLAYLIST) ? foreign(path, last) : toPage(last);
  }
  if (path === '') {
    return { kind: 'nothing' };
  }
  if (media) {
    return { kind: 'media', path, rendition: media[1] ?? '' };
  }
  if (last === '') {
    return { kind: 'page', path };
  }
  // Safari probes with .mp.
  const file = last.endsWith('.mp') ? `${last}4` : last;
  return last === 'index.m3u8' ? { kind: 'multivariant', path } : { kind: 'file', path, file };
}

/** Redirects to a relative URL: it is valid below any prefix, and never names another host. */
const toPage = (last: string): HlsRequest => ({ kind: 'redirect', to: `./${encodeURIComponent(last)}/` });

/** `{path}/hls.m3u8` and `{path}.m3u8`. */
function foreign(path: string, last: string): HlsRequest {
  if (last === 'hls.m3u8' && path !== '') {
    return { kind: 'foreign', path, to: './index.m3u8' };
  }
  const name = last.slice(0, -PLAYLIST.length);
  if (name === '') {
    return { kind: 'nothing' };
  }
  const whole = path === '' ? name : `${path}/${name}`;
  return { kind: 'foreign', path: whole, to: `./${encodeURIComponent(name)}/index.m3u8` };
}

/** The query with its `?`, or empty. */
export function queryOf(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? '' : url.slice(at);
}

/** The query for URLs in a playlist, such as a token: without delivery directives. */
export function addressQuery(query: string): string {
  return ONLY_DIRECTIVES.test(query) ? '' : carried(new URLSearchParams(query));
}

/** The query for URLs in a playlist, for a new session. @param session undefined if it is in a cookie */
export function beginningQuery(query: string, session: string | undefined): string {
  const parameters = new URLSearchParams(query);
  parameters.delete('cookieCheck');
  parameters.delete('session');
  if (session !== undefined) {
    parameters.append('session', session);
  }
  return carried(parameters);
}

/** The query for the redirect that tests cookies. */
export function checkQuery(query: string): string {
  const parameters = new URLSearchParams(query);
  parameters.delete('session');
  parameters.set('cookieCheck', '1');
  parameters.sort();
  return `?${parameters.toString()}`;
}

function carried(parameters: URLSearchParams): string {
  for (const name of [...parameters.keys()]) {
    if (name.startsWith('_HLS_')) {
      parameters.delete(name);
    }
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
