import type { MediaPlaylist, Resource, Segment } from './playlist.ts';

/** A live stream begins this many segments before its end, as RFC 8216 §6.3.3 asks. */
const START_SEGMENTS = 3;

/** The next file of a rendition: a segment, or a part of the one that is being written. */
export interface Position {
  readonly sequence: number;
  readonly part: number;
}

export interface NextFile {
  readonly file: Resource;
  readonly segment: Segment;
  /** The segment begins with this file. */
  readonly isFirst: boolean;
  /** Position after this file. */
  readonly after: Position;
}

/** Where playback begins, or undefined if nothing is there yet. */
export function startOf(playlist: MediaPlaylist): Position | undefined {
  const { segments, isEnded, isVod, partHoldBackSeconds } = playlist;
  const complete = segments.filter(({ file }) => file !== undefined);
  if (isEnded || isVod) {
    return complete[0] && { sequence: complete[0].sequence, part: 0 };
  }
  const part = partHoldBackSeconds > 0 ? startPart(playlist) : undefined;
  const segment = complete[Math.max(0, complete.length - START_SEGMENTS)];
  return part ?? (segment && { sequence: segment.sequence, part: 0 });
}

/** The last part that can be decoded alone and is far enough from the end. */
function startPart({ segments, partHoldBackSeconds }: MediaPlaylist): Position | undefined {
  let distance = 0;
  let nearest: Position | undefined;
  for (const { sequence, parts } of segments.toReversed()) {
    for (let part = parts.length - 1; part >= 0; part -= 1) {
      distance += parts[part]?.seconds ?? 0;
      if (parts[part]?.isIndependent) {
        nearest = { sequence, part };
        if (distance >= partHoldBackSeconds) {
          return nearest;
        }
      }
    }
  }
  return nearest;
}

/** Whether the playlist does not continue at `next`: it has moved on, or begun again. */
export function isLost({ segments, isEnded, isVod }: MediaPlaylist, { sequence }: Position): boolean {
  const [first, last] = [segments[0], segments.at(-1)];
  if (!first || !last) {
    return false;
  }
  // A rendition that is further behind continues near the end.
  const isTooLate = !isEnded && !isVod && last.sequence - sequence > 10;
  return first.sequence > sequence || last.sequence + 1 < sequence || isTooLate;
}

/** The next file at or after `next`, without gaps, or undefined if the playlist does not have it yet. */
export function nextFile({ segments }: MediaPlaylist, next: Position): NextFile | undefined {
  for (const segment of segments) {
    const { sequence, file, parts, isGap } = segment;
    if (sequence < next.sequence || isGap) {
      continue;
    }
    const from = sequence === next.sequence ? next.part : 0;
    if (file && from === 0) {
      return { file, segment, isFirst: true, after: { sequence: sequence + 1, part: 0 } };
    }
    for (let part = from; part < parts.length; part += 1) {
      const found = parts[part];
      if (found && !found.isGap) {
        const isLast = file !== undefined && part === parts.length - 1;
        const after = isLast ? { sequence: sequence + 1, part: 0 } : { sequence, part: part + 1 };
        return { file: found, segment, isFirst: part === 0, after };
      }
    }
    if (!file) {
      return undefined;
    }
  }
  return undefined;
}

/** Whether the server has begun again: its segments have lower numbers, or the playlist `isCut`, which looks the same. */
export function hasRestarted(before: MediaPlaylist | undefined, after: MediaPlaylist): boolean {
  return hasLowerStart(before, after) || isCut(before, after);
}

/**
 * Whether the end of the playlist is missing: it was read while the server wrote it, or a server that keeps all segments has begun again,
 * which the next version of the playlist shows.
 */
export function isCut(before: MediaPlaylist | undefined, after: MediaPlaylist): boolean {
  const last = before?.segments.at(-1);
  if (last === undefined || after.isEnded || hasLowerStart(before, after)) {
    return false;
  }
  return (after.segments.at(-1)?.sequence ?? 0) < last.sequence;
}

function hasLowerStart(before: MediaPlaylist | undefined, after: MediaPlaylist): boolean {
  const [first, newFirst] = [before?.segments[0], after.segments[0]];
  return first !== undefined && newFirst !== undefined && newFirst.sequence < first.sequence;
}

/**
 * The timelines of `after` counted as in `before`: ffmpeg does not count discontinuities that have left the playlist. A server that has
 * begun again begins a new one.
 */
export function withTimelinesOf(before: MediaPlaylist | undefined, after: MediaPlaylist): MediaPlaylist {
  const [first] = after.segments;
  const known = before?.segments.findLast(({ sequence }) => sequence === first?.sequence);
  const next = (before?.segments.at(-1)?.timeline ?? 0) + 1;
  const wanted = hasRestarted(before, after) ? next : known?.timeline;
  const missing = wanted === undefined ? 0 : wanted - (first?.timeline ?? 0);
  if (missing === 0) {
    return after;
  }
  const segments = after.segments.map((segment) => ({ ...segment, timeline: segment.timeline + missing }));
  return { ...after, segments };
}
