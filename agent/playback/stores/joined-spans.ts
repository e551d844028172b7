import { merged, type UsRange, without } from '../index/hidden-ranges.ts';
import type { StoredSpan } from './contract.ts';

/** Shorter gaps in the recordings here are not filled: they come from reconnects and from clocks that differ. */
export const MIN_GAP_US = 2_000_000;
/** A shorter part of a longer recording is not shown. */
const MIN_PART_US = 1_000_000;

/** Recorded ranges with short gaps closed, oldest first. */
export function bridged(spans: readonly StoredSpan[]): readonly UsRange[] {
  const ranges = spans.map(({ startUs, durationUs }) => ({ startUs, endUs: startUs + durationUs + MIN_GAP_US }));
  return merged(ranges).map(({ startUs, endUs }) => ({ startUs, endUs: endUs - MIN_GAP_US }));
}

/** The parts of the box's recordings for which there are none here, oldest first. */
export function missingHere(own: readonly UsRange[], box: readonly StoredSpan[]): readonly StoredSpan[] {
  return box.flatMap(({ startUs, durationUs }) =>
    without({ startUs, endUs: startUs + durationUs }, own)
      .map((part) => ({ startUs: part.startUs, durationUs: part.endUs - part.startUs }))
      .filter((part) => part.durationUs === durationUs || part.durationUs >= MIN_PART_US),
  );
}

/** Maximum number of parts of a box in one download: fetching the tables of a part takes two requests. */
export const MAX_PARTS = 24;
/** Longest part in one download: the sample tables of half an hour take two megabytes. */
const MAX_PART_US = 1_800_000_000;

/**
 * The parts of the box's recordings that belong into a download, oldest first.
 * @param added the box's recordings that `own` lacks
 * @param skipsGaps the film continues after a gap instead of ending there
 * @returns `ending`: there are too many parts for one download
 */
export function partsWanted(
  own: readonly StoredSpan[],
  added: readonly StoredSpan[],
  { startUs, durationUs }: StoredSpan,
  skipsGaps: boolean,
): {
  readonly parts: readonly StoredSpan[];
  readonly ending?: { readonly durationUs: number; readonly resumeUs: number };
} {
  const endUs = startUs + durationUs;
  const parts: StoredSpan[] = [];
  let reachedUs: number | undefined;
  for (const span of [...own, ...added].sort(byStart)) {
    if (span.startUs >= endUs || (!skipsGaps && reachedUs !== undefined && span.startUs - reachedUs >= MIN_GAP_US)) {
      break;
    }
    const spanEndUs = Math.min(endUs, span.startUs + span.durationUs);
    reachedUs = Math.max(spanEndUs, reachedUs ?? spanEndUs);
    for (let us = Math.max(startUs, span.startUs); us < spanEndUs && added.includes(span); us += MAX_PART_US) {
      if (parts.length === MAX_PARTS) {
        return { parts, ending: { durationUs: us - startUs, resumeUs: us } };
      }
      parts.push({ startUs: us, durationUs: Math.min(MAX_PART_US, spanEndUs - us) });
    }
  }
  return { parts };
}

export const byStart = (one: StoredSpan, other: StoredSpan): number => one.startUs - other.startUs;
