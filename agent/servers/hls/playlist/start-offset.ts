import type { MediaPlaylist, SegmentLine } from '../hls-muxer.ts';

/** PART-HOLD-BACK in part targets: so far from the end players begin. */
const HOLD_BACK_PARTS = 3;
/** Before the end of the segment that is meant, for it is loaded as a whole: enough for a player to get what comes behind it. */
const INSIDE_S = 0.3;

/**
 * Seconds from the end of a playlist with parts back to where players have to begin, if they cannot near its end
 * (EXT-X-START, RFC 8216bis §4.4.2.2). While a group goes on of which the first viewer got the beginning as one segment, the parts near the
 * end belong to pictures that are not there without it: hls.js waits for the next key picture then, native players give up.
 */
export function startOffsetS({ segments, running, partTargetS }: MediaPlaylist): number | undefined {
  if (!running || partTargetS === undefined) {
    return undefined;
  }
  let offsetS = running.parts.reduce((sum, { durationS }) => sum + durationS, 0);
  const holdBackS = HOLD_BACK_PARTS * partTargetS;
  if (offsetS >= holdBackS && running.parts[0]?.isIndependent) {
    return undefined;
  }
  // Where players begin by themselves.
  let isTheirs = offsetS < holdBackS;
  for (let i = segments.length - 1; i >= 0; i -= 1) {
    const { durationS, isIndependent, isGap } = segments[i] as SegmentLine;
    offsetS += durationS;
    if (offsetS >= holdBackS) {
      if (isIndependent && !isGap) {
        return isTheirs ? undefined : offsetS - Math.max(durationS - INSIDE_S, durationS / 2);
      }
      isTheirs = false;
    }
  }
  return undefined;
}
