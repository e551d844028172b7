import type { MediaPlaylist, PartLine, RunningSegment, SegmentLine } from '../contracts/hls-muxer.ts';
import { playlistName, safeQuery, seconds, versionOf } from './playlist-text.ts';

export interface MediaPlaylistOptions {
  /** Query with its `?`, appended to every URL: players do not pass it on. */
  readonly query: string;
  /** `_HLS_skip`. Without date ranges `v2` equals `yes`. */
  readonly skip: 'no' | 'yes' | 'v2';
  /** A player may start with this playlist, which says where. */
  readonly isOpening?: boolean;
  /** The lines of segments and parts that playlists with the same query had before. */
  readonly written?: WrittenLines;
  /** Renditions for rendition reports; those without a playlist are omitted. */
  readonly others: readonly { readonly name: string; readonly playlist: MediaPlaylist | undefined }[];
}

/** Lines of segments and parts for one query. They never change, so each playlist adds its new ones. */
export type WrittenLines = WeakMap<SegmentLine | PartLine, string>;

/** PART-HOLD-BACK in part targets, unless the playlist has its own. */
const HOLD_BACK_PARTS = 3;
/** CAN-SKIP-UNTIL in target durations, the minimum (RFC 8216bis §4.4.3.8). */
const SKIP_BOUNDARY_TARGETS = 6;

/** A media playlist, or with `skip` a delta update (RFC 8216bis §4.4, §6.2.5.1). */
export function writeMediaPlaylist(playlist: MediaPlaylist, options: MediaPlaylistOptions): string {
  const query = safeQuery(options.query);
  const { written = new WeakMap() } = options;
  const { segments, running, partTargetS } = playlist;
  const skipped = options.skip === 'no' || partTargetS === undefined ? 0 : skippable(playlist);
  let text = header(playlist);
  const startS = options.isOpening ? startOffsetS(playlist) : undefined;
  if (startS !== undefined) {
    text += `#EXT-X-START:TIME-OFFSET=${startS.toFixed(3)}\n`;
  }
  if (skipped > 0) {
    text += `#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}\n`;
  }
  // The player knows the tags of skipped segments.
  let init = skipped > 0 ? segments[skipped - 1]?.init?.name : undefined;
  for (let i = skipped; i < segments.length; i += 1) {
    const segment = segments[i] as SegmentLine;
    // The first segment's tag is omitted: the sequence counts it.
    text += opening(segment, i > 0 && segment.isDiscontinuity, init, query);
    text += segmentLines(segment, query, written);
    init = segment.init?.name;
  }
  if (running && partTargetS !== undefined) {
    text += runningLines(running, segments.length > 0 && running.isDiscontinuity, init, query, written);
    text += reports(options.others, query);
  }
  return text;
}

function header(playlist: MediaPlaylist): string {
  const { segments, running, targetDurationS, partTargetS, discontinuitySequence } = playlist;
  let text = `#EXTM3U\n#EXT-X-VERSION:${versionOf(playlist)}\n`;
  if (playlist.claimsIndependence ?? segments.every((segment) => segment.isIndependent)) {
    text += '#EXT-X-INDEPENDENT-SEGMENTS\n';
  }
  text += `#EXT-X-TARGETDURATION:${targetDurationS}\n`;
  if (partTargetS !== undefined) {
    const target = ceilSeconds(partTargetS);
    const holdBack = ceilSeconds(playlist.partHoldBackS ?? Number(target) * HOLD_BACK_PARTS);
    const skipUntil = targetDurationS * SKIP_BOUNDARY_TARGETS;
    text += `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=${holdBack},CAN-SKIP-UNTIL=${skipUntil}\n`;
    text += `#EXT-X-PART-INF:PART-TARGET=${target}\n`;
  }
  text += `#EXT-X-MEDIA-SEQUENCE:${segments[0]?.number ?? running?.number ?? 0}\n`;
  // The sequence tag is required before a segment with EXT-X-DISCONTINUITY is removed (RFC 8216bis §6.2.2).
  const isBroken = segments.some((segment) => segment.isDiscontinuity) || running?.isDiscontinuity;
  return discontinuitySequence > 0 || isBroken
    ? `${text}#EXT-X-DISCONTINUITY-SEQUENCE:${discontinuitySequence}\n`
    : text;
}

/** The number of segments beyond the skip boundary. */
function skippable({ segments, targetDurationS }: MediaPlaylist): number {
  let keptS = 0;
  let left = segments.length;
  while (left > 0 && keptS < targetDurationS * SKIP_BOUNDARY_TARGETS) {
    left -= 1;
    keptS += segments[left]?.durationS ?? 0;
  }
  return left;
}

/** The tags before the parts of a segment (RFC 8216bis §4.4.4.9). */
function opening(
  segment: Pick<SegmentLine, 'init'>,
  isDiscontinuity: boolean,
  knownInit: string | undefined,
  query: string,
): string {
  const init = segment.init?.name;
  const broken = isDiscontinuity ? '#EXT-X-DISCONTINUITY\n' : '';
  return init === undefined || init === knownInit ? broken : `${broken}#EXT-X-MAP:URI="${init}${query}"\n`;
}

function segmentLines(segment: SegmentLine, query: string, written: WrittenLines): string {
  const known = written.get(segment);
  if (known !== undefined) {
    return known;
  }
  const gap = segment.isGap ? '#EXT-X-GAP\n' : '';
  const parts = dateTime(segment.wallMs) + partLines(segment.parts, query, written);
  const text = `${parts}${gap}#EXTINF:${segmentSeconds(segment.durationS)},\n${segment.name}${query}\n`;
  written.set(segment, text);
  return text;
}

function runningLines(
  running: RunningSegment,
  isDiscontinuity: boolean,
  knownInit: string | undefined,
  query: string,
  written: WrittenLines,
): string {
  const begun = running.parts.length > 0 ? dateTime(running.wallMs) + partLines(running.parts, query, written) : '';
  const hint = `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${running.nextPartName}${query}"\n`;
  return opening(running, isDiscontinuity, knownInit, query) + begun + hint;
}

const dateTime = (wallMs: number): string => `#EXT-X-PROGRAM-DATE-TIME:${new Date(Math.round(wallMs)).toISOString()}\n`;

function partLines(parts: readonly PartLine[], query: string, written: WrittenLines): string {
  let text = '';
  for (let i = 0; i < parts.length; i += 1) {
    text += partLine(parts[i] as PartLine, query, written);
  }
  return text;
}

function partLine(part: PartLine, query: string, written: WrittenLines): string {
  const known = written.get(part);
  if (known !== undefined) {
    return known;
  }
  const independent = part.isIndependent ? ',INDEPENDENT=YES' : '';
  const text = `#EXT-X-PART:DURATION=${seconds(part.durationS)},URI="${part.name}${query}"${independent}\n`;
  written.set(part, text);
  return text;
}

/** RFC 8216bis §4.4.5.4: positions of the other renditions, so that a player can switch at their end. */
function reports(others: MediaPlaylistOptions['others'], query: string): string {
  let text = '';
  for (const { name, playlist } of others) {
    const last = playlist && endOf(playlist);
    if (last) {
      const part = last.part === undefined ? '' : `,LAST-PART=${last.part}`;
      text += `#EXT-X-RENDITION-REPORT:URI="${playlistName(name)}${query}",LAST-MSN=${last.number}${part}\n`;
    }
  }
  return text;
}

function endOf({ running, segments }: MediaPlaylist): { number: number; part: number | undefined } | undefined {
  const last = running && running.parts.length > 0 ? running : segments.at(-1);
  return last && { number: last.number, part: last.parts.length > 0 ? last.parts.length - 1 : undefined };
}

/** Never below the value: durations must not exceed it when written. */
function ceilSeconds(value: number): string {
  const text = seconds(value);
  return Number(text) >= value - Number.EPSILON * value ? text : seconds(value + 1e-5);
}

/** A duration just below x.5 must not be written as x.5, which rounds above the target duration. */
function segmentSeconds(durationS: number): string {
  const text = seconds(durationS);
  return Math.round(Number(text)) > Math.round(durationS) ? seconds(durationS - 1e-5) : text;
}

/** The start offset lies this long before the end of a segment, which is loaded whole, so there is time to fetch the next one. */
const INSIDE_S = 0.3;
/** A player may reload the playlist before it starts, which is then longer by this many parts. */
const LATER_PARTS = 2;

/**
 * EXT-X-START (RFC 8216bis §4.4.2.2): where players must start if they cannot near the end, in seconds from the end of
 * a playlist with parts (negative). In a GOP whose start the first viewer got as one segment, the parts near the end
 * depend on frames before them: hls.js waits for the next key frame, native players stop.
 *
 * It is in the media playlist, whose end it refers to. In the multivariant playlist the end would have moved by the
 * time a player has the media playlist; and ffmpeg 5 to 8 take any playlist with the tag for a media playlist: without
 * segments ('Empty segment'), and count each track twice.
 */
export function startOffsetS({ segments, running, partTargetS, partHoldBackS }: MediaPlaylist): number | undefined {
  if (!running || partTargetS === undefined) {
    return undefined;
  }
  let offsetS = running.parts.reduce((sum, { durationS }) => sum + durationS, 0);
  const holdBackS = partHoldBackS ?? HOLD_BACK_PARTS * partTargetS;
  const isWhole = running.parts[0]?.isIndependent === true;
  if (offsetS >= holdBackS && isWhole) {
    return undefined;
  }
  // Whether the first key frame that is found is where players start by default, now and after a reload.
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
