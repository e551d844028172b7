import type { Media, Part, Segment } from './playlist.ts';
import { endOf } from './playlist-rules.ts';
import { shortOnes } from './short-parts.ts';

/** Forbidden changes from one whole playlist to a later one at the same address (RFC 8216bis §6.2.1, §6.2.2). */
export function brokenByChange(before: Media, after: Media): string[] {
  const found: string[] = [];
  const fixed = (what: string, was: unknown, is: unknown) => {
    if (was !== is) {
      found.push(`${what}: was ${was}, is ${is}`);
    }
  };
  if (!mayRise(before, after)) {
    fixed('target duration', before.targetDurationS, after.targetDurationS);
  }
  if (!mayRefit(before, after)) {
    fixed('part target', before.partTargetS, after.partTargetS);
  }
  fixed('version', before.version, after.version);
  if (mayKeepHoldBack(before, after)) {
    fixed('hold back', before.partHoldBackS, after.partHoldBackS);
  }
  if (before.targetDurationS === after.targetDurationS) {
    fixed('skip boundary', before.canSkipUntilS, after.canSkipUntilS);
  }
  if (!before.claimsIndependence && after.claimsIndependence) {
    found.push('independence: EXT-X-INDEPENDENT-SEGMENTS came later');
  }
  if (after.mediaSequence < before.mediaSequence) {
    found.push(`media sequence: went back from ${before.mediaSequence} to ${after.mediaSequence}`);
  }
  const [was, is] = [endOf(before), endOf(after)];
  if (is.msn < was.msn || (is.msn === was.msn && (is.part ?? Number.MAX_VALUE) < (was.part ?? -1))) {
    found.push(`end: went back from ${was.msn}/${was.part} to ${is.msn}/${is.part}`);
  }
  return [
    ...found,
    ...segmentChanges(before, after),
    ...discontinuityChanges(before, after),
    ...hintChanges(before, after),
  ];
}

/** Apple's players end at a changed hold back: it stays while it is two to six part targets. */
function mayKeepHoldBack(before: Media, after: Media): boolean {
  const inTargets = (before.partHoldBackS ?? Number.NaN) / (after.partTargetS ?? Number.NaN);
  return before.partTargetS === after.partTargetS || (inTargets > 2.001 && inTargets < 5.999);
}

/** RFC 8216bis §6.2.1 demands one target duration; a camera with a single picture longer than it cannot keep it. It never falls. */
function mayRise(before: Media, after: Media): boolean {
  const wasS = before.targetDurationS;
  return after.targetDurationS > wasS && after.segments.some(({ durationS }) => Math.round(durationS) > wasS);
}

/**
 * The part target follows a camera that changed: it may rise for a part that is too long for the old one or while there are parts that are too
 * short for it, and fall; that no listed part is longer is a rule of each playlist.
 */
function mayRefit(before: Media, after: Media): boolean {
  const [was, is] = [before.partTargetS, after.partTargetS];
  if (was === undefined || is === undefined || is < was) {
    return was !== undefined && is !== undefined;
  }
  const all = [before, after].flatMap(({ segments, running }) => [
    ...segments.map(({ parts }) => ({ parts, isWhole: true })),
    ...(running ? [{ parts: running.parts, isWhole: false }] : []),
  ]);
  return all.some(
    ({ parts, isWhole }) => parts.some(({ durationS }) => durationS > was) || shortOnes(parts, was, isWhole).length > 0,
  );
}

function segmentChanges(before: Media, after: Media): string[] {
  const found: string[] = [];
  const old = new Map(before.segments.map((segment) => [segment.number, segment]));
  for (const segment of after.segments) {
    const known = old.get(segment.number);
    if (known) {
      found.push(...sameSegment(known, segment));
    }
    const { running } = before;
    if (!known && running?.number === segment.number && running.parts.length > 0) {
      found.push(...sameParts(segment.number, running.parts, segment.parts));
      if (segment.parts.length > 0 && segment.wallMs !== running.wallMs) {
        found.push(`changed: the wall clock of segment ${segment.number}`);
      }
    }
  }
  if (before.running && after.running?.number === before.running.number) {
    found.push(...sameParts(before.running.number, before.running.parts, after.running.parts));
  }
  const next = before.segments.at(-1);
  if (next && after.segments.length > 0 && after.mediaSequence > next.number + 1) {
    // A client that was away this long has nothing to compare.
    return found;
  }
  if (next && !after.segments.some(({ number }) => number === next.number) && after.mediaSequence <= next.number) {
    found.push(`changed: segment ${next.number} is gone before its turn`);
  }
  return found;
}

function sameSegment(was: Segment, is: Segment): string[] {
  const found: string[] = [];
  const facts = ['uri', 'durationS', 'wallMs', 'isGap', 'discontinuity'] as const;
  for (const fact of facts) {
    if (was[fact] !== is[fact]) {
      found.push(`changed: ${fact} of segment ${is.number} was ${was[fact]}, is ${is[fact]}`);
    }
  }
  if (was.map !== undefined && is.map !== undefined && was.map !== is.map) {
    found.push(`changed: the init file of segment ${is.number} was ${was.map}, is ${is.map}`);
  }
  // Parts go all at once, and do not come afterwards.
  const mayDiffer = is.parts.length === 0 && was.parts.length > 0;
  if (!mayDiffer && (was.parts.length !== is.parts.length || sameParts(is.number, was.parts, is.parts).length > 0)) {
    found.push(`changed: the parts of segment ${is.number}`);
  }
  return found;
}

/** `is` has the parts of `was` and may have more, or lists none any longer. */
function sameParts(number: number, was: readonly Part[], is: readonly Part[]): string[] {
  if (is.length === 0) {
    return [];
  }
  const isSame = was.every((part, i) => {
    const other = is[i];
    return other?.uri === part.uri && other.durationS === part.durationS && other.isIndependent === part.isIndependent;
  });
  return isSame ? [] : [`changed: the parts of segment ${number}`];
}

/** A removed EXT-X-DISCONTINUITY is counted, and nothing else is (RFC 8216bis §6.2.2). */
function discontinuityChanges(before: Media, after: Media): string[] {
  if (after.discontinuitySequence < before.discontinuitySequence) {
    return [`discontinuity: sequence went back from ${before.discontinuitySequence} to ${after.discontinuitySequence}`];
  }
  const counted = after.discontinuitySequence - before.discontinuitySequence;
  const known = before.segments.filter((segment) => segment.isDiscontinuity).length;
  const all = known + (before.running?.isDiscontinuity ? 1 : 0);
  const isContinued = after.mediaSequence <= (before.segments.at(-1)?.number ?? -1);
  return isContinued && counted > all ? [`discontinuity: ${counted} counted, ${all} were there to be removed`] : [];
}

/** The hinted part is the next one that appears, under that name (RFC 8216bis §4.4.5.3). */
function hintChanges(before: Media, after: Media): string[] {
  if (before.hint === undefined) {
    return [];
  }
  const was = endOf(before);
  const is = endOf(after);
  if (was.msn === is.msn && was.part === is.part) {
    return after.hint === before.hint ? [] : [`hint: was ${before.hint}, is ${after.hint}, and no part has come`];
  }
  const listed = [...after.segments, ...(after.running ? [after.running] : [])];
  const parts = listed.flatMap((segment) => segment.parts);
  const oldest = listed.find((segment) => segment.parts.length > 0);
  // Its segment may have lost its parts meanwhile.
  const canTell = oldest !== undefined && oldest.number <= was.msn;
  return !canTell || parts.some(({ uri }) => uri === before.hint)
    ? []
    : [`hint: ${before.hint} was announced and did not come`];
}

/** What a client has after an update: the older playlist with the new one laid over it (RFC 8216bis §6.3.7). */
export function updated(older: Media, update: Media): Media | undefined {
  if (update.skipped === undefined) {
    return update;
  }
  const first = update.mediaSequence;
  const known = older.segments.filter(({ number }) => number >= first && number < first + (update.skipped ?? 0));
  if (known.length !== update.skipped) {
    return undefined;
  }
  // An init segment holds until the next one, also across skipped segments.
  const map = known.at(-1)?.map;
  let isTold = false;
  const rest = update.segments.map((segment) => {
    isTold ||= segment.map !== undefined;
    return isTold ? segment : { ...segment, map };
  });
  // Skipped discontinuities count for the segments after them.
  const breaks = known.filter((segment) => segment.isDiscontinuity).length;
  const moved = rest.map((segment) => ({ ...segment, discontinuity: segment.discontinuity + breaks }));
  const { running } = update;
  return {
    ...update,
    skipped: undefined,
    segments: [...known.map((segment) => ({ ...segment, parts: [] })), ...moved],
    running: running && {
      ...running,
      map: isTold || running.map !== undefined ? running.map : map,
      discontinuity: running.discontinuity + breaks,
    },
  };
}

/** An update that says other than the whole playlist of the same moment. */
export function brokenByUpdate(older: Media, update: Media, whole: Media): string[] {
  if (update.skipped === undefined) {
    return [];
  }
  const merged = updated(older, update);
  if (!merged) {
    return [
      `update: ${update.skipped} segments skipped from ${update.mediaSequence} on, which the client does not have`,
    ];
  }
  const skippedS = whole.segments.slice(update.skipped).reduce((sum, { durationS }) => sum + durationS, 0);
  const partsS = whole.running?.parts.reduce((sum, { durationS }) => sum + durationS, 0) ?? 0;
  const found =
    skippedS + partsS < (update.canSkipUntilS ?? 0) - 0.001
      ? [
          `update: skips up to ${(skippedS + partsS).toFixed(3)} s before the end, the boundary is ${update.canSkipUntilS}`,
        ]
      : [];
  // Skipped parts: the client has dropped them, or will.
  const bare = (media: Media) => ({
    ...media,
    segments: media.segments.map((segment, i) => (i < (update.skipped ?? 0) ? { ...segment, parts: [] } : segment)),
  });
  const isEqual = JSON.stringify(bare(merged)) === JSON.stringify(bare(whole));
  return isEqual
    ? found
    : [...found, `update: does not give the whole playlist: ${firstDifference(bare(merged), bare(whole))}`];
}

function firstDifference(a: object, b: object): string {
  for (const key of Object.keys(b)) {
    const [left, right] = [a, b].map((side) => JSON.stringify((side as Record<string, unknown>)[key]));
    if (left !== right) {
      return `${key} is ${left?.slice(0, 300)}, not ${right?.slice(0, 300)}`;
    }
  }
  return '';
}
