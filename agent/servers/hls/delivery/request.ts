/** What an address asks for. */
export type HlsRequest =
  | { readonly kind: 'page'; readonly path: string }
  | { readonly kind: 'multivariant'; readonly path: string }
  | { readonly kind: 'media'; readonly path: string; readonly rendition: string }
  | { readonly kind: 'file'; readonly path: string; readonly file: string }
  | { readonly kind: 'redirect'; readonly to: string }
  | { readonly kind: 'library' }
  | { readonly kind: 'nothing' };

/** What lies below a path: who asks must be allowed to read it. */
export type PathRequest = Extract<HlsRequest, { readonly path: string }>;

const MEDIA_PLAYLIST = /^((?:video|audio)\d+)_stream\.m3u8$/;
const MEDIA_FILE = /\.mp4?$/;

/** @param address behind the plugin's prefix and its slash, decoded, without query */
export function parseRequest(address: string): HlsRequest {
  const slash = address.lastIndexOf('/');
  const path = address.slice(0, Math.max(0, slash));
  const last = address.slice(slash + 1);
  if (last === 'hls.min.js') {
    return { kind: 'library' };
  }
  if (last === 'favicon.ico' || last.endsWith('.map')) {
    return { kind: 'nothing' };
  }
  const media = MEDIA_PLAYLIST.exec(last);
  const isInside = last === '' || last === 'index.m3u8' || media !== null || MEDIA_FILE.test(last);
  if (!isInside) {
    // Relative to the request, so that it holds below any prefix and cannot lead to another host.
    return { kind: 'redirect', to: `./${encodeURIComponent(last)}/` };
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
  // Safari asks for .mp when it probes.
  const file = last.endsWith('.mp') ? `${last}4` : last;
  return last === 'index.m3u8' ? { kind: 'multivariant', path } : { kind: 'file', path, file };
}

/** The query that addresses in a playlist carry on (a token, say): all but what belongs to one playlist request. */
export function addressQuery(query: string): string {
  const parameters = new URLSearchParams(query);
  for (const name of [...parameters.keys()]) {
    if (name.startsWith('_HLS_')) {
      parameters.delete(name);
    }
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
