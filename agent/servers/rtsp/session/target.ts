import { PerchError } from '../../../base/errors.ts';
import { decoded } from '../../../base/network/url-parts.ts';

/** The target of a request URL: `rtsp://host:8554/name?query`. */
export interface RtspTarget {
  /** Name of the path: decoded, without leading and final slash. */
  readonly name: string;
  /** Query as sent, without `?`. */
  readonly query: string;
}

interface TrackTarget extends RtspTarget {
  readonly track: number;
}

const MAX_URI = 4_096;
const PATH_TRACK = /^(.*?)\/trackID=(\d{1,3})\/*$/;
const QUERY_TRACK = /^(.*)\/trackID=(\d{1,3})\/*$/;

/** Accepts an absolute URL with any host and credentials, or a path. */
export function parseTarget(uri: string): RtspTarget {
  const { path, query } = split(uri);
  return { name: trimmed(path), query };
}

/**
 * The URL of a reader's SETUP. With a query, GStreamer puts the control before it and FFmpeg after it. The URL of the
 * stream is the first track: NVRs of HappyTime send it as it is, and players that join an empty control to the base with a final slash.
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
  return { name: trimmed(path), query: withoutEndSlashes(query), track: 0 };
}

/** The path of a URL for the log: without its track, truncated. Never throws. */
export function shownPath(uri: string): string | undefined {
  try {
    const name = trimmed(split(uri).path);
    const bare = PATH_TRACK.exec(name)?.[1] ?? name;
    return bare === '' || bare === '*' ? undefined : bare.slice(0, 120);
  } catch {
    return undefined;
  }
}

/**
 * The media section that a publisher sets up.
 * @param announced the URL of ANNOUNCE
 * @param controls of the announced media sections: absolute, relative or absent
 * @returns -1: none of them
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
    // GStreamer's order, then FFmpeg's.
    return (
      name === `${announced.name}/${decoded(word)}` ||
      (name === announced.name && query === `${announced.query}/${word}`)
    );
  });
  const isBareSlash = isBase && (path.endsWith('/') || query.endsWith('/'));
  return index < 0 && isBareSlash && controls.length > 0 ? 0 : index;
}

/** A location as an absolute URL: `/x` gets scheme and host of the request. */
export function absoluteUrl(location: string, requestUri: string): string {
  if (!location.startsWith('/')) {
    return location;
  }
  const base = /^rtsps?:\/\/[^/?]*/i.exec(requestUri)?.[0] ?? 'rtsp://localhost';
  return `${withoutCredentials(base)}${location}`;
}

/** Removes `user:password@`, which may contain more than one @: responses may be logged. */
export function withoutCredentials(uri: string): string {
  return uri.replace(/^(rtsps?:\/\/)[^/?]*@/i, '$1');
}

function split(uri: string): { readonly path: string; readonly query: string } {
  if (uri.length > MAX_URI) {
    throw new PerchError('badInput', `URL of ${uri.length} characters, at most ${MAX_URI} allowed`);
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

/** Uses a loop, because the expression `/+$` restarts at each slash and takes 16 ms for a URL of 4 kB of slashes. */
function withoutEndSlashes(text: string): string {
  let end = text.length;
  while (text[end - 1] === '/') {
    end -= 1;
  }
  return text.slice(0, end);
}
