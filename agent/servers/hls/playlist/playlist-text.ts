import type { MediaPlaylist } from '../contracts/hls-muxer.ts';

export const playlistName = (rendition: string): string => `${rendition}_stream.m3u8`;

/** Ten microseconds, less than a tick of any video clock. */
export const seconds = (value: number): string => value.toFixed(5);

/** Characters that would end a line or a quoted string, RFC 8216bis §4.2. */
const UNSAFE = /["\s\p{Cc}]/gu;

/** @param query with its `?`, or empty */
export const safeQuery = (query: string): string => query.replace(UNSAFE, encodeURIComponent);

/** RFC 8216bis §8: 3 for fractional durations, 6 for EXT-X-MAP, 9 for EXT-X-SKIP. Above 3 it is 10, as in MediaMTX. */
export const versionOf = ({ segments, running }: Pick<MediaPlaylist, 'segments' | 'running'>): number =>
  segments[0]?.init || running ? 10 : 3;
