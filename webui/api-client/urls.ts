/** A path name as it stands in an address: encoded, its slashes kept. */
export const encodeName = (name: string): string => name.split('/').map(encodeURIComponent).join('/');

export const spansAddress = (name: string): string => `playback/list?path=${encodeURIComponent(name)}`;

/** Undefined: it is none. As `URL.parse`, which browsers of three years do not all have. */
export function urlOf(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** The key frame of a moment, as a film of one picture. */
export const frameAddress = (name: string, ms: number): string =>
  `playback/${encodeName(name)}/frame.mp4?time=${new Date(ms).toISOString()}`;

/**
 * An MP4 with its index in front: it plays, seeks and downloads everywhere.
 *
 * @param start RFC 3339
 * @param speed 2, 4, 8 or 16: key frames alone, without sound
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
