import type { MediaPlaylist, SegmentLine } from '../hls-muxer.ts';

/** PART-HOLD-BACK in part targets: so far from the end players begin. */
const HOLD_BACK_PARTS = 3;
/** Before the end of the segment that is meant, for it is loaded as a whole: enough for a player to get what comes behind it. */
const INSIDE_S = 0.3;
/** The media playlist that a player gets next may be so many parts longer than the one that is judged here. */
const LATER_PARTS = 2;

/**
 * Where players have to begin, in seconds from the beginning of a playlist with parts, or if negative from its end, if they cannot near
 * its end (EXT-X-START, RFC 8216bis §4.4.2.2). While a group goes on of which the first viewer got the beginning as one segment, the parts
 * near the end belong to pictures that are not there without it: hls.js waits for the next key picture then, native players give up.
 *
 * Until a player has the media playlist that the offset is applied to, the end moves on. So the segment that this muxer began with, which
 * may be shorter than a part is long, is told from the beginning.
 */
export function startOffsetS({ segments, running, partTargetS }: MediaPlaylist): number | undefined {
  if (!running || partTargetS === undefined) {
    return undefined;
  }
  let offsetS = running.parts.reduce((sum, { durationS }) => sum + durationS, 0);
  const holdBackS = HOLD_BACK_PARTS * partTargetS;
  const isWhole = running.parts[0]?.isIndependent === true;
  if (offsetS >= holdBackS && isWhole) {
    return undefined;
  }
  // Where players begin by themselves, and will a little later.
  let isTheirs = offsetS + (isWhole ? 0 : LATER_PARTS * partTargetS) < holdBackS;
  for (let i = segments.length - 1; i >= 0; i -= 1) {
    const { number, durationS, isIndependent, isGap } = segments[i] as SegmentLine;
    offsetS += durationS;
    if (offsetS >= holdBackS) {
      if (isIndependent && !isGap) {
        const insideS = Math.max(durationS - INSIDE_S, durationS / 2);
        // Renditions may lose their first segments at different times.
        return isTheirs ? undefined : i === 0 && number === 0 ? insideS : insideS - offsetS;
      }
      isTheirs = false;
    }
  }
  return undefined;
}
