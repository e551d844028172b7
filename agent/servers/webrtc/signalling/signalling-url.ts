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

/** The meaning of a URL. Path names may contain slashes. */
type SignallingTarget =
  | EndpointTarget
  | SessionTarget
  | PageTarget
  | { readonly kind: 'script'; readonly name: ScriptName }
  /** Relative URLs of the page need the final slash. */
  | { readonly kind: 'redirect'; readonly path: string }
  /** Browsers request an icon by themselves; there is none, without an error. */
  | { readonly kind: 'icon' | 'nothing' };

/** @param rest decoded, without prefix and slash, such as `cam1/whep` */
export function readSignallingUrl(rest: string): SignallingTarget {
  // Clients that resolve a relative Location against the host (like OBS Studio) leave out the path.
  const [, sole] = /^(?:whep|whip|talk)\/([^/]*)$/.exec(rest) ?? [];
  if (sole !== undefined && isUuid(sole)) {
    return { kind: 'session', secret: sole };
  }
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
  // Leading slashes and backslashes would redirect to another host.
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

/** A regular expression would take quadratic time on many slashes. */
function withoutSlashesBehind(text: string): string {
  let end = text.length;
  while (text[end - 1] === '/') {
    end -= 1;
  }
  return text.slice(0, end);
}

/** The page of a path, relative to the request, so that it works below a proxy's folder. @param rest as requested, not decoded */
export function relativePage(path: string, rest: string): string {
  const up = rest.split('/').length - 1;
  return `${up === 0 ? './' : '../'.repeat(up)}${encodePath(path)}/`;
}

/** Encodes a path name for a URL, except its slashes. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
export const isUuid = (text: string): boolean => UUID.test(text);
