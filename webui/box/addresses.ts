/** A path name as it stands in an address: encoded, its slashes kept. */
export const encodeName = (name: string): string => name.split('/').map(encodeURIComponent).join('/');

export const spansAddress = (name: string): string => `playback/list?path=${encodeURIComponent(name)}`;

/**
 * An MP4 with its index in front: it plays, seeks and downloads everywhere.
 *
 * @param start RFC 3339
 */
export function clipAddress(name: string, start: string, durationS: number): string {
  const query = new URLSearchParams({
    path: name,
    start,
    duration: String(Math.round(durationS * 1000) / 1000),
    format: 'mp4',
  });
  return `playback/get?${query}`;
}
