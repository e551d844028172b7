import type { FastifyRequest } from 'fastify';
import type { MediaPlaylist, SegmentLine } from '../contracts/hls-muxer.ts';

/**
 * Chromium's own player begins so many segments before the end of a list, whatever EXT-X-START says, and leaves out all but so many
 * when it has got all of a list and finds more of them in the next one.
 */
const OWN_START = 3;
/**
 * It loads so much before it plays, and what it has not got of a list then is its proof that the stream goes on; without any it throws
 * all away and wants something new at once. Long segments need not be as many.
 */
const MIN_START = 2;
const OWN_BUFFER_S = 10;

/** `<video src="….m3u8">` in Chromium 142 and later, and what is built on it: no script, nor another program, asks like this. */
export const isChromiumPlayer = ({ headers }: Pick<FastifyRequest, 'headers'>): boolean =>
  /\bidentity;q=1, \*;q=0$/.test(String(headers['accept-encoding'] ?? ''));

interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * The playlists of one stream as Chromium's own player has to get them. It gives up (DEMUXER_ERROR_COULD_NOT_PARSE: "Segment queue never
 * had any data") when it begins inside of a group, and when a playlist that it asks for as it begins to play has nothing new. So it
 * gets a list that begins with a key picture and has a segment to spare, and never the same list twice: it waits for the next
 * segment instead, without asking all the time. In all of its lists together no segment is missing, so that no group is torn.
 */
export class ChromiumCompat {
  #start: Span | undefined;
  /** The last segment that was told, by rendition. */
  readonly #ends = new Map<string, number>();

  /**
   * @param name of the rendition whose playlist it is
   * @param leading of the leading rendition, whose pictures decide
   * @returns undefined: there is nothing to tell yet
   */
  next(name: string, playlist: MediaPlaylist, leading: MediaPlaylist): MediaPlaylist | undefined {
    this.#start ??= startOf(leading.segments);
    const oldest = playlist.segments[0]?.number;
    if (!this.#start || oldest === undefined) {
      return undefined;
    }
    const newest = oldest + playlist.segments.length - 1;
    const told = this.#ends.get(name);
    // Sound that has come late begins behind the pictures.
    const to =
      told === undefined ? Math.max(this.#start.to, oldest) : Math.min(newest, Math.max(told, oldest - 1) + OWN_START);
    if (to > newest || to === told) {
      return undefined;
    }
    this.#ends.set(name, to);
    return cut(playlist, { from: this.#start.from, to });
  }
}

/** From the newest key picture that has enough behind it. */
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

/** Of whole segments alone: it knows no parts. */
function cut(playlist: MediaPlaylist, { from, to }: Span): MediaPlaylist {
  let { discontinuitySequence } = playlist;
  const segments: SegmentLine[] = [];
  for (const [i, segment] of playlist.segments.entries()) {
    // That of the oldest one is counted already.
    discontinuitySequence +=
      i > 0 && segments.length === 0 && segment.number <= from && segment.isDiscontinuity ? 1 : 0;
    if (segment.number >= from && segment.number <= to) {
      segments.push({ ...segment, parts: [] });
    }
  }
  return { ...playlist, partTargetS: undefined, running: undefined, discontinuitySequence, segments };
}
