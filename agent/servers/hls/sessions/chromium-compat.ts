import type { FastifyRequest } from 'fastify';
import type { MediaPlaylist, SegmentLine } from '../contracts/hls-muxer.ts';

/**
 * Chromium's own player starts this many segments before the end of a list, whatever EXT-X-START says. When it has
 * loaded a whole list, it skips all but this many of the new segments in the next one.
 */
const OWN_START = 3;
/**
 * It buffers this much before it plays. Segments of the list not loaded by then prove that the stream continues;
 * without any it drops everything and requests a new list at once. Fewer long segments are enough.
 */
const MIN_START = 2;
const OWN_BUFFER_S = 10;

/**
 * `<video src="….m3u8">` in Chromium 142 and later and its derivatives: no script or other program sends this header.
 */
export const isChromiumPlayer = ({ headers }: Pick<FastifyRequest, 'headers'>): boolean =>
  /\bidentity;q=1, \*;q=0$/.test(String(headers['accept-encoding'] ?? ''));

interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * The playlists of one stream for Chromium's own player. It gives up (DEMUXER_ERROR_COULD_NOT_PARSE: "Segment queue
 * never had any data") if it starts inside a GOP, or if a playlist has nothing new when it starts playing. So its lists
 * start with a key frame, have a segment to spare, and never repeat: it waits for the next segment instead. No segment
 * is missing in the sequence of lists.
 */
export class ChromiumCompat {
  #start: Span | undefined;
  /** The last segment listed, by rendition. */
  readonly #ends = new Map<string, number>();

  /**
   * @param name of the rendition
   * @param leading playlist of the leading rendition
   * @returns undefined if there is nothing new yet
   */
  next(name: string, playlist: MediaPlaylist, leading: MediaPlaylist): MediaPlaylist | undefined {
    this.#start ??= startOf(leading.segments);
    const oldest = playlist.segments[0]?.number;
    if (!this.#start || oldest === undefined) {
      return undefined;
    }
    const newest = oldest + playlist.segments.length - 1;
    const former = this.#ends.get(name);
    // Late audio starts after the video.
    const to =
      former === undefined
        ? Math.max(this.#start.to, oldest)
        : Math.min(newest, Math.max(former, oldest - 1) + OWN_START);
    if (to > newest || to === former) {
      return undefined;
    }
    this.#ends.set(name, to);
    return cut(playlist, { from: this.#start.from, to });
  }
}

/** The first span: it begins with the newest key frame that has enough segments after it. */
function startOf(segments: readonly SegmentLine[]): Span | undefined {
  for (let i = segments.length - MIN_START; i >= 0; i -= 1) {
    const { isIndependent, isGap, number } = segments[i] as SegmentLine;
    const begun = segments.slice(i, i + OWN_START);
    const beginsS = begun.reduce((sum, { durationS }) => sum + durationS, 0);
    if (isIndependent && !isGap && (begun.length === OWN_START || beginsS > OWN_BUFFER_S)) {
      return { from: number, to: number + begun.length - 1 };
    }
  }
  return undefined;
}

/** The segments of the span, without parts, which Chromium's own player does not support. */
function cut(playlist: MediaPlaylist, { from, to }: Span): MediaPlaylist {
  let { discontinuitySequence } = playlist;
  const segments: SegmentLine[] = [];
  for (const [i, segment] of playlist.segments.entries()) {
    // The sequence includes that of the oldest one.
    discontinuitySequence +=
      i > 0 && segments.length === 0 && segment.number <= from && segment.isDiscontinuity ? 1 : 0;
    if (segment.number >= from && segment.number <= to) {
      segments.push({ ...segment, parts: [] });
    }
  }
  return { ...playlist, partTargetS: undefined, running: undefined, discontinuitySequence, segments };
}
