/** Encodes a path name, except its slashes. */
export const encodeName = (name: string): string => name.split('/').map(encodeURIComponent).join('/');

export const spansAddress = (name: string): string => `playback/list?path=${encodeURIComponent(name)}`;

/** Undefined if invalid. `URL.parse` is missing in browsers of three years ago. */
export function urlOf(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** The key frame of a moment, as MP4 with one frame. */
export const frameAddress = (name: string, ms: number): string =>
  `playback/${encodeName(name)}/frame.mp4?time=${new Date(ms).toISOString()}`;

/** The same frame as a JPEG that the box decodes, which costs it more: for codecs that the browser does not play. @param width in pixels */
export const pictureAddress = (name: string, ms: number, width: number): string =>
  `playback/${encodeName(name)}/picture.jpg?time=${new Date(ms).toISOString()}&width=${width}`;

/** The same time of several cameras: a ZIP file with one MP4 each. */
export function filmAddress(names: readonly string[], startMs: number, endMs: number): string {
  const query = new URLSearchParams(names.map((name) => ['path', name]));
  query.set('start', new Date(startMs).toISOString());
  query.set('duration', String((endMs - startMs) / 1000));
  return `playback/film?${query}`;
}

/**
 * MP4 with `moov` first: plays, seeks and downloads everywhere.
 *
 * @param start RFC 3339
 * @param speed 2, 4, 8, 16 or more, up to 1440: key frames only, without audio
 */
export function clipAddress(name: string, start: string, durationS: number, speed = 1): string {
  const query = new URLSearchParams({
    path: name,
    start,
    duration: String(Math.round(durationS * 1000) / 1000),
    format: 'mp4',
    ...(speed === 1 ? {} : { speed: String(speed) }),
  });
  return `playback/get?${query}`;
}
