import type { MediaPlaylist, SegmentLine } from '../contracts/hls-muxer.ts';

/** PART-HOLD-BACK in part targets: so far from the end players begin. */
const HOLD_BACK_PARTS = 3;
/** Before the end of the segment that is meant, for it is loaded as a whole: enough for a player to get what comes behind it. */
const INSIDE_S = 0.3;
/** A player may look again before it begins: the playlist is then so many parts longer. */
const LATER_PARTS = 2;

/**
 * Where players have to begin, in seconds from the end of a playlist with parts (negative), if they cannot near
 * its end (EXT-X-START, RFC 8216bis §4.4.2.2). While a group goes on of which the first viewer got the beginning as one segment, the parts
 * near the end belong to pictures that are not there without it: hls.js waits for the next key picture then, native players give up.
 *
 * It stands in the media playlist, whose end it counts from. In the multivariant playlist it would count from an end that has moved on
 * until a player has the other one; and ffmpeg 5 to 8 take any playlist that has the tag for a media playlist: they make one without
 * segments of it ('Empty segment') and count each track once more for it.
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
    const { durationS, isIndependent, isGap } = segments[i] as SegmentLine;
    offsetS += durationS;
    if (offsetS >= holdBackS) {
      if (isIndependent && !isGap) {
        return isTheirs ? undefined : Math.max(durationS - INSIDE_S, durationS / 2) - offsetS;
      }
      isTheirs = false;
    }
  }
  return undefined;
}
