import type { Media, Part, RenditionReport } from './playlist.ts';

/** Printed with five digits: less than a tick of a video clock. */
export const ROUNDING_S = 2e-5;
/** Rules of a single playlist, independent of earlier ones. */
export function brokenInPlaylist(media: Media): string[] {
  return [...headerRules(media), ...segmentRules(media), ...(media.partTargetS === undefined ? [] : partRules(media))];
}

function headerRules(media: Media): string[] {
  const found: string[] = [];
  const { targetDurationS, partTargetS, partHoldBackS, holdBackS, canSkipUntilS } = media;
  const neededVersion = media.skipped !== undefined ? 9 : media.segments.some(({ map }) => map !== undefined) ? 6 : 3;
  if (media.version < neededVersion) {
    found.push(`version: ${media.version}, its tags need ${neededVersion}`);
  }
  if (partTargetS !== undefined && partHoldBackS === undefined) {
    found.push('hold back: there are parts and no PART-HOLD-BACK');
  }
  if (partTargetS !== undefined && (partHoldBackS ?? 0) < 2 * partTargetS - ROUNDING_S) {
    found.push(`hold back: PART-HOLD-BACK ${partHoldBackS} is less than two part targets of ${partTargetS}`);
  }
  if (holdBackS !== undefined && holdBackS < 3 * targetDurationS) {
    found.push(`hold back: HOLD-BACK ${holdBackS} is less than three target durations of ${targetDurationS}`);
  }
  if (canSkipUntilS !== undefined && canSkipUntilS < 6 * targetDurationS) {
    found.push(
      `skip boundary: CAN-SKIP-UNTIL ${canSkipUntilS} is less than six target durations of ${targetDurationS}`,
    );
  }
  if (media.skipped !== undefined && (canSkipUntilS === undefined || media.skipped === 0)) {
    found.push(`update: ${media.skipped} segments skipped, CAN-SKIP-UNTIL ${canSkipUntilS}`);
  }
  if (partTargetS !== undefined && !media.canBlockReload) {
    found.push('server control: there are parts and no CAN-BLOCK-RELOAD');
  }
  if (partTargetS !== undefined && media.hint === undefined && !media.hasEnded) {
    found.push('hint: no part is hinted');
  }
  if (media.unknownTags.length > 0) {
    found.push(`tags: ${media.unknownTags.join(', ')} are not known`);
  }
  return found;
}

function segmentRules(media: Media): string[] {
  const found: string[] = [];
  const { segments, targetDurationS } = media;
  if (segments.length === 0 && media.skipped === undefined && (media.running?.parts.length ?? 0) === 0) {
    found.push('segments: there is nothing to play');
  }
  if (segments.some((segment) => segment.isDiscontinuity) && !media.tellsDiscontinuitySequence) {
    found.push('discontinuity: EXT-X-DISCONTINUITY without EXT-X-DISCONTINUITY-SEQUENCE');
  }
  for (const segment of segments) {
    if (Math.round(segment.durationS) > targetDurationS) {
      found.push(`target duration: segment ${segment.number} of ${segment.durationS} s, target ${targetDurationS} s`);
    }
    if (segment.durationS <= 0) {
      found.push(`empty: segment ${segment.number} has no duration`);
    }
  }
  for (const [i, segment] of [...segments, ...(media.running ? [media.running] : [])].entries()) {
    const map = segments[i - 1]?.map;
    if (map !== undefined && segment.map !== map && !segment.isDiscontinuity) {
      found.push(`init file: segment ${segment.number} has another one without EXT-X-DISCONTINUITY`);
    }
  }
  const addresses = segments.filter((segment) => !segment.isGap).map(({ uri }) => uri);
  const parts = [...segments, ...(media.running ? [media.running] : [])].flatMap((segment) => segment.parts);
  const all = [...addresses, ...parts.map(({ uri }) => uri), ...(media.hint === undefined ? [] : [media.hint])];
  if (new Set(all).size < all.length) {
    found.push(`addresses: ${all.filter((uri, i) => all.indexOf(uri) < i).join(', ')} twice`);
  }
  return [...found, ...wallRules(media)];
}

/** Each segment has a wall clock, which runs as the media does and restarts only after a discontinuity. */
function wallRules({ segments, running }: Media): string[] {
  const found: string[] = [];
  const all = [...segments, ...(running && running.parts.length > 0 ? [running] : [])];
  for (const [i, segment] of all.entries()) {
    const before = segments[i - 1];
    if (segment.wallMs === undefined) {
      found.push(`wall clock: segment ${segment.number} has no EXT-X-PROGRAM-DATE-TIME`);
    } else if (before?.wallMs !== undefined && segment.wallMs <= before.wallMs) {
      found.push(`wall clock: segment ${segment.number} is not later than the one before it`);
    } else if (before?.wallMs !== undefined && !segment.isDiscontinuity) {
      const driftMs = segment.wallMs - before.wallMs - before.durationS * 1000;
      const maxMs = segment.number === 2 ? REORDERING_MS : before.durationS * 1000 * WALL_DRIFT + WALL_MS;
      if (Math.abs(driftMs) > maxMs) {
        found.push(`wall clock: segment ${segment.number} is ${driftMs.toFixed(1)} ms off the one before it`);
      }
    }
  }
  return found;
}

/** No RFC bounds the jitter of the wall clock, but players place renditions by it. It has whole milliseconds. */
const WALL_DRIFT = 0.0002;
const WALL_MS = 2;
/** Durations are of decoding, the wall clock of showing: how far these are apart shows with the first pictures of a stream. */
const REORDERING_MS = 100;

function partRules(media: Media): string[] {
  const found: string[] = [];
  for (const segment of media.segments) {
    found.push(...lengthRules(segment.parts, segment.number, media.partTargetS ?? 0));
    const sumS = segment.parts.reduce((sum, part) => sum + part.durationS, 0);
    if (segment.parts.length > 0 && Math.abs(sumS - segment.durationS) > ROUNDING_S * (segment.parts.length + 1)) {
      found.push(
        `parts: those of segment ${segment.number} last ${sumS.toFixed(5)} s, it lasts ${segment.durationS} s`,
      );
    }
  }
  if (media.running) {
    found.push(...lengthRules(media.running.parts, media.running.number, media.partTargetS ?? 0));
  }
  return [...found, ...agedParts(media)];
}

function lengthRules(parts: readonly Part[], number: number, targetS: number): string[] {
  const found: string[] = [];
  for (const [i, part] of parts.entries()) {
    if (part.durationS > targetS) {
      found.push(`part target: part ${i} of segment ${number} has ${part.durationS} s, target ${targetS} s`);
    } else if (part.durationS <= 0) {
      found.push(`empty: part ${i} of segment ${number} has no duration`);
    }
  }
  return found;
}

/** Segments more than three target durations from the end list no parts; nearer ones must. */
function agedParts({ segments, running, targetDurationS }: Media): string[] {
  const found: string[] = [];
  let fromEndS = running?.parts.reduce((sum, part) => sum + part.durationS, 0) ?? 0;
  let hasParts = true;
  for (const segment of [...segments].reverse()) {
    // One more is tolerated: it may just have passed the limit.
    if (segment.parts.length > 0 && fromEndS > 4 * targetDurationS) {
      found.push(`old parts: those of segment ${segment.number} end ${fromEndS.toFixed(3)} s before the end`);
    }
    if (segment.parts.length > 0 && !hasParts) {
      found.push(`parts: segment ${segment.number} has parts, one after it has none`);
    }
    hasParts = segment.parts.length > 0;
    fromEndS += segment.durationS;
  }
  return found;
}

/** Compares a rendition report with that rendition's own playlists before and after it. */
export function brokenReport(report: RenditionReport, before: Media, after: Media): string[] {
  const at = { msn: report.lastMsn ?? -1, part: report.lastPart };
  const low = endOf(before);
  const high = endOf(after);
  if (report.lastMsn === undefined) {
    return [`rendition report: ${report.uri} without LAST-MSN`];
  }
  if (isBefore(at, low) || isBefore(high, at)) {
    return [
      `rendition report: ${report.uri} says ${show(at)}, but the rendition is between ${show(low)} and ${show(high)}`,
    ];
  }
  return [];
}

interface End {
  readonly msn: number;
  readonly part: number | undefined;
}

const show = ({ msn, part }: End): string => `${msn}/${part ?? '-'}`;
const isBefore = (a: End, b: End): boolean => a.msn < b.msn || (a.msn === b.msn && (a.part ?? -1) < (b.part ?? -1));

export function endOf({ segments, running }: Media): End {
  const last = running && running.parts.length > 0 ? running : segments.at(-1);
  const parts = last?.parts.length ?? 0;
  return { msn: last?.number ?? -1, part: parts > 0 ? parts - 1 : undefined };
}
