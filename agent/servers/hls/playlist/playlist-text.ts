import type { MediaPlaylist } from '../contracts/hls-muxer.ts';

export const playlistName = (rendition: string): string => `${rendition}_stream.m3u8`;

/** Ten microseconds are less than a tick of any video clock. */
export const seconds = (value: number): string => value.toFixed(5);

/** What would end a line or a quoted string of a playlist (RFC 8216bis §4.2). */
const UNSAFE = /["\s\p{Cc}]/gu;

/** @param query with its `?`, or empty */
export const safeQuery = (query: string): string => query.replace(UNSAFE, encodeURIComponent);

/**
 * RFC 8216bis §8: 3 for durations with fractions, 6 for EXT-X-MAP, 9 for EXT-X-SKIP. What needs more than 3 gets 10, as players know
 * it from MediaMTX.
 */
export const versionOf = ({ segments, running }: Pick<MediaPlaylist, 'segments' | 'running'>): number =>
  segments[0]?.init || running ? 10 : 3;
