import { PerchError } from '../../base/errors.ts';
import type { Period } from '../vod/recorded-streams.ts';
import { bridged, MIN_GAP_US } from './joined-spans.ts';

/** A segment of a media playlist of Perch, RFC 8216 §4.3.2. */
interface ListedSegment {
  /** Unix microseconds. */
  readonly startUs: number;
  readonly durationUs: number;
  /** `EXT-X-MAP` */
  readonly map: string;
  /** Continues the segment before it in the same playlist. */
  readonly isContinued: boolean;
  /** `EXTINF`, `EXT-X-BYTERANGE` and address. */
  readonly lines: readonly string[];
  readonly isOwn: boolean;
}

/** Shorter gaps are not filled: most of the box's segment would be shown twice. */
const MIN_SHOWN_US = 500_000;
/** Smaller start offsets are omitted. */
const MIN_OFFSET_SECONDS = 0.05;

/** The segments of a media playlist. @throws PerchError badInput if it is none of Perch */
export function readSegments(playlist: string, isOwn: boolean): readonly ListedSegment[] {
  const segments: ListedSegment[] = [];
  let atUs = Number.NaN;
  let map = '';
  let isContinued = false;
  let lines: string[] = [];
  let seconds = Number.NaN;
  for (const line of playlist.split(/\r?\n/)) {
    if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) {
      atUs = Date.parse(line.slice(25)) * 1000;
    } else if (line.startsWith('#EXT-X-MAP:')) {
      map = line;
    } else if (line === '#EXT-X-DISCONTINUITY') {
      isContinued = false;
    } else if (line.startsWith('#EXTINF:')) {
      seconds = Number.parseFloat(line.slice(8));
      lines = [line];
    } else if (line.startsWith('#EXT-X-BYTERANGE:')) {
      lines.push(line);
    } else if (line !== '' && !line.startsWith('#')) {
      if (!(seconds >= 0 && seconds <= 86_400) || !Number.isSafeInteger(atUs) || map === '') {
        throw new PerchError('badInput', 'a playlist with a segment without its time');
      }
      const durationUs = Math.round(seconds * 1e6);
      segments.push({ startUs: atUs, durationUs, map, isContinued, lines: [...lines, line], isOwn });
      [atUs, isContinued, seconds] = [atUs + durationUs, true, Number.NaN];
    }
  }
  return segments;
}

/** Whether a period has gaps that another box may fill. */
export function hasGaps(own: readonly ListedSegment[], { startUs, durationUs }: Period): boolean {
  const endUs = startUs + durationUs;
  let doneUs = startUs;
  for (const range of bridged(own)) {
    if (range.startUs - doneUs >= MIN_GAP_US) {
      return true;
    }
    doneUs = Math.max(doneUs, range.endUs);
  }
  return endUs - doneUs >= MIN_GAP_US;
}

/**
 * A playlist of all own segments, and of those of the box that show more than they do: nothing is missing, and a part of
 * a segment may be shown twice. @returns undefined if the box has nothing to add
 */
export function joinPlaylists(
  own: readonly ListedSegment[],
  box: readonly ListedSegment[],
  { startUs }: Period,
): string | undefined {
  const added = addedTo(own, box);
  return added.length === 0
    ? undefined
    : writePlaylist([...own, ...added], [own, box], { isEnded: true, startUs, minTargetSeconds: 1 });
}

/**
 * A playlist of both sides that only grows (EVENT, RFC 8216 §4.3.3.5). After `settledUs` own segments may still be added,
 * so from there on it lists only own segments that continue those before. @returns undefined if there is nothing to list yet
 */
export function joinRewind(
  own: readonly ListedSegment[],
  box: readonly ListedSegment[],
  { settledUs, targetSeconds }: { readonly settledUs: number; readonly targetSeconds: number },
): string | undefined {
  const range = bridged(own).findLast(({ startUs }) => startUs <= settledUs);
  const ownUntilUs = Math.max(settledUs, range?.endUs ?? settledUs);
  const listed = [
    ...own.filter(({ startUs }) => startUs <= ownUntilUs),
    ...addedTo(own, box).filter(({ startUs }) => startUs <= settledUs),
  ];
  const kind = { isEnded: false, startUs: undefined, minTargetSeconds: targetSeconds };
  return listed.length === 0 ? undefined : writePlaylist(listed, [own, box], kind);
}

/** The segments of the box that show more than the own ones. */
function addedTo(own: readonly ListedSegment[], box: readonly ListedSegment[]): readonly ListedSegment[] {
  const ranges = bridged(own);
  let next = 0;
  return box.filter(({ startUs, durationUs }) => {
    const endUs = startUs + durationUs;
    while (next < ranges.length && (ranges[next]?.endUs ?? 0) <= startUs) {
      next += 1;
    }
    let shownUs = durationUs;
    for (let i = next; i < ranges.length && (ranges[i]?.startUs ?? endUs) < endUs; i += 1) {
      const range = ranges[i] ?? { startUs: endUs, endUs };
      shownUs -= Math.min(range.endUs, endUs) - Math.max(range.startUs, startUs);
    }
    return shownUs >= Math.min(MIN_SHOWN_US, durationUs);
  });
}

interface PlaylistKind {
  readonly isEnded: boolean;
  /** Where players start, or undefined if the player decides. */
  readonly startUs: number | undefined;
  readonly minTargetSeconds: number;
}

function writePlaylist(
  segments: readonly ListedSegment[],
  lists: readonly (readonly ListedSegment[])[],
  { isEnded, startUs, minTargetSeconds }: PlaylistKind,
): string {
  const before = new Map<ListedSegment, ListedSegment | undefined>(
    lists.flatMap((list) => list.map((segment, i) => [segment, list[i - 1]] as const)),
  );
  const sorted = segments.toSorted((one, other) => one.startUs - other.startUs);
  const longestUs = sorted.reduce((longest, { durationUs }) => Math.max(longest, durationUs), minTargetSeconds * 1e6);
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${Math.ceil(longestUs / 1e6)}`,
    '#EXT-X-MEDIA-SEQUENCE:0',
    `#EXT-X-PLAYLIST-TYPE:${isEnded ? 'VOD' : 'EVENT'}`,
    '#EXT-X-INDEPENDENT-SEGMENTS',
  ];
  const offsetSeconds = startUs === undefined ? 0 : (startUs - (sorted[0]?.startUs ?? startUs)) / 1e6;
  if (offsetSeconds >= MIN_OFFSET_SECONDS) {
    lines.push(`#EXT-X-START:TIME-OFFSET=${offsetSeconds.toFixed(3)},PRECISE=YES`);
  }
  let last: ListedSegment | undefined;
  for (const segment of sorted) {
    const isContinued = last !== undefined && segment.isContinued && before.get(segment) === last;
    if (last && !isContinued) {
      lines.push('#EXT-X-DISCONTINUITY');
    }
    if (segment.map !== last?.map || segment.isOwn !== last.isOwn) {
      lines.push(segment.map);
    }
    if (!isContinued) {
      lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(Math.round(segment.startUs / 1000)).toISOString()}`);
    }
    lines.push(...segment.lines);
    last = segment;
  }
  lines.push(...(isEnded ? ['#EXT-X-ENDLIST'] : []), '');
  return lines.join('\n');
}
