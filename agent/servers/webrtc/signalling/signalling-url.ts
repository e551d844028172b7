/** What a URL of this service means. Path names may contain slashes. */
export type SignallingTarget =
  | { readonly kind: 'endpoint'; readonly protocol: 'whep' | 'whip'; readonly path: string }
  | { readonly kind: 'session'; readonly protocol: 'whep' | 'whip'; readonly path: string; readonly secret: string }
  | { readonly kind: 'script'; readonly name: 'reader.js' | 'publisher.js' }
  | { readonly kind: 'page' | 'publisherPage'; readonly path: string }
  /** The page without its final slash, which relative URLs need. */
  | { readonly kind: 'redirect'; readonly path: string }
  /** Browsers ask for an icon by themselves; there is none, and no error either. */
  | { readonly kind: 'icon' | 'nothing' };

/** @param rest decoded, without the service's prefix and its slash: `cam1/whep` */
export function readSignallingUrl(rest: string): SignallingTarget {
  const endpoint = /^(.+?)\/(whep|whip)(?:\/([^/]*))?$/.exec(rest);
  if (endpoint?.[1] !== undefined) {
    const protocol = endpoint[2] === 'whip' ? 'whip' : 'whep';
    const secret = endpoint[3];
    return secret === undefined
      ? { kind: 'endpoint', protocol, path: endpoint[1] }
      : { kind: 'session', protocol, path: endpoint[1], secret };
  }
  const script = /(?:^|\/)(reader\.js|publisher\.js)$/.exec(rest)?.[1];
  if (script === 'reader.js' || script === 'publisher.js') {
    return { kind: 'script', name: script };
  }
  // Leading slashes and backslashes would make the redirect point to another host.
  const path = rest.replace(/^[/\\]+/, '').replace(/\/+$/, '');
  if (path === '' || path === 'favicon.ico') {
    return { kind: path === '' ? 'nothing' : 'icon' };
  }
  if (!rest.endsWith('/') || /^[/\\]/.test(rest)) {
    return path.endsWith('/publish')
      ? { kind: 'publisherPage', path: path.slice(0, -'/publish'.length) }
      : { kind: 'redirect', path };
  }
  return { kind: 'page', path };
}

/** A path name as it stands in a URL: encoded, its slashes kept. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
export const isUuid = (text: string): boolean => UUID.test(text);
