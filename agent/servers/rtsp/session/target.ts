import { PerchError } from '../../../base/errors.ts';

/** What a request's URL names: `rtsp://host:8554/name?query`. */
export interface RtspTarget {
  /** Of the path: decoded, without leading and closing slash. */
  readonly name: string;
  /** As sent, without `?`. */
  readonly query: string;
}

export interface TrackTarget extends RtspTarget {
  readonly track: number;
}

const MAX_URI = 4_096;
const MAX_SHOWN = 120;
const PATH_TRACK = /^(.*?)\/trackID=(\d{1,3})\/*$/;
const QUERY_TRACK = /^(.*)\/trackID=(\d{1,3})\/*$/;

/** An absolute URL, of whatever host and with whatever credentials, or a path alone. */
export function parseTarget(uri: string): RtspTarget {
  const { path, query } = split(uri);
  return { name: trimmed(path), query };
}

/**
 * The URL of a reader's SETUP. With a query, GStreamer puts the control before it and FFmpeg behind it;
 * a closing slash alone is the first track (players that join an empty control to the base).
 */
export function parseTrackTarget(uri: string): TrackTarget {
  const { path, query } = split(uri);
  const before = PATH_TRACK.exec(path);
  if (before) {
    return { name: trimmed(before[1] ?? ''), query, track: Number(before[2]) };
  }
  const behind = QUERY_TRACK.exec(query);
  if (behind) {
    return { name: trimmed(path), query: behind[1] ?? '', track: Number(behind[2]) };
  }
  if (path.endsWith('/') || query.endsWith('/')) {
    return { name: trimmed(path), query: withoutEndSlashes(query), track: 0 };
  }
  throw new PerchError('badInput', 'the URL of SETUP names no track');
}

/** The path that a URL names, for the log: without its track, cut to a length that the log can bear; never throws. */
export function shownPath(uri: string): string | undefined {
  try {
    const name = trimmed(split(uri).path);
    const bare = PATH_TRACK.exec(name)?.[1] ?? name;
    return bare === '' || bare === '*' ? undefined : bare.slice(0, MAX_SHOWN);
  } catch {
    return undefined;
  }
}

/**
 * Which media section a publisher sets up.
 * @param announced the URL of ANNOUNCE
 * @param controls of the announced media sections: absolute, relative or absent
 * @returns -1 when it is none of them
 */
export function mediaOf(uri: string, announced: RtspTarget, controls: readonly (string | undefined)[]): number {
  const { path, query } = split(uri);
  const name = trimmed(path);
  const isBase = name === announced.name && withoutEndSlashes(query) === announced.query;
  const index = controls.findIndex((control = '*') => {
    if (control === '*' || control === '') {
      return isBase && controls.length === 1;
    }
    if (/^rtsps?:\/\//i.test(control)) {
      const own = split(control);
      return trimmed(own.path) === name && own.query === query;
    }
    const word = control.replace(/^\/+/, '');
    // GStreamer's way, then FFmpeg's.
    return (
      name === `${announced.name}/${decoded(word)}` ||
      (name === announced.name && query === `${announced.query}/${word}`)
    );
  });
  const isBareSlash = isBase && (path.endsWith('/') || query.endsWith('/'));
  return index < 0 && isBareSlash && controls.length > 0 ? 0 : index;
}

/** `/x` as an absolute URL on the host that the client asked. */
export function absoluteUrl(location: string, requestUri: string): string {
  if (!location.startsWith('/')) {
    return location;
  }
  const base = /^rtsps?:\/\/[^/?]*/i.exec(requestUri)?.[0] ?? 'rtsp://localhost';
  return `${withoutCredentials(base)}${location}`;
}

/** The URL without `user:password@`, which may have more than one @: what stands in an answer may be logged by anybody. */
export function withoutCredentials(uri: string): string {
  return uri.replace(/^(rtsps?:\/\/)[^/?]*@/i, '$1');
}

function split(uri: string): { readonly path: string; readonly query: string } {
  if (uri.length > MAX_URI) {
    throw new PerchError('badInput', `URL of ${uri.length} characters, at most ${MAX_URI} are taken`);
  }
  const rest = uri.replace(/^rtsps?:\/\/[^/?]*/i, '');
  const question = rest.indexOf('?');
  return question < 0
    ? { path: decoded(rest), query: '' }
    : { path: decoded(rest.slice(0, question)), query: rest.slice(question + 1) };
}

function trimmed(path: string): string {
  return withoutEndSlashes(path.replace(/^\/+/, ''));
}

/** A loop: the expression `/+$` begins anew at each slash, which takes 16 ms for a URL of 4 kB of them. */
function withoutEndSlashes(text: string): string {
  let end = text.length;
  while (text[end - 1] === '/') {
    end -= 1;
  }
  return text.slice(0, end);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new PerchError('badInput', `'${text.slice(0, 60)}' is not percent-encoded UTF-8`);
  }
}
