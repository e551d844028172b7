/** What is asked for at an endpoint: to watch, to publish, to talk through the camera. */
export type Purpose = 'whep' | 'whip' | 'talk';

export interface EndpointTarget {
  readonly kind: 'endpoint';
  readonly purpose: Purpose;
  readonly path: string;
}

export interface SessionTarget {
  readonly kind: 'session';
  readonly secret: string;
}

export interface PageTarget {
  readonly kind: 'page';
  readonly action: 'read' | 'publish';
  readonly path: string;
}

export type ScriptName = 'reader.js' | 'publisher.js';

/** What a URL of this service means. Path names may contain slashes. */
export type SignallingTarget =
  | EndpointTarget
  | SessionTarget
  | PageTarget
  | { readonly kind: 'script'; readonly name: ScriptName }
  /** The page without its final slash, which relative URLs need. */
  | { readonly kind: 'redirect'; readonly path: string }
  /** Browsers ask for an icon by themselves; there is none, and no error either. */
  | { readonly kind: 'icon' | 'nothing' };

/** @param rest decoded, without the service's prefix and its slash: `cam1/whep` */
export function readSignallingUrl(rest: string): SignallingTarget {
  const [, named, purpose, secret] = /^(.+?)\/(whep|whip|talk)(?:\/([^/]*))?$/.exec(rest) ?? [];
  if (named !== undefined) {
    return secret === undefined
      ? { kind: 'endpoint', purpose: purpose as Purpose, path: named }
      : { kind: 'session', secret };
  }
  const script = /(?:^|\/)(reader\.js|publisher\.js)$/.exec(rest)?.[1];
  if (script !== undefined) {
    return { kind: 'script', name: script as ScriptName };
  }
  // Leading slashes and backslashes would make the redirect point to another host.
  const path = withoutSlashesBehind(rest.replace(/^[/\\]+/, ''));
  if (path === '' || path === 'favicon.ico') {
    return { kind: path === '' ? 'nothing' : 'icon' };
  }
  if (!rest.endsWith('/') || /^[/\\]/.test(rest)) {
    const published = /^(.+)\/publish$/.exec(path)?.[1];
    return published === undefined ? { kind: 'redirect', path } : { kind: 'page', action: 'publish', path: published };
  }
  return { kind: 'page', action: 'read', path };
}

/** An expression for it would look at each of many slashes again from the one before. */
function withoutSlashesBehind(text: string): string {
  let end = text.length;
  while (text[end - 1] === '/') {
    end -= 1;
  }
  return text.slice(0, end);
}

/** A path name as it stands in a URL: encoded, its slashes kept. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
export const isUuid = (text: string): boolean => UUID.test(text);
