import { merged, type UsRange, without } from '../../playback/index/hidden-ranges.ts';
import type { BoxSpan } from './box-answers.ts';

/** Shorter gaps of what was recorded here are not filled: clocks differ, and a stream was only connected again. */
export const MIN_GAP_US = 2_000_000;
/** Less of a longer recording is not shown. */
const MIN_PART_US = 1_000_000;

/** Recorded ranges as if without short gaps, oldest first. */
export function bridged(spans: readonly BoxSpan[]): readonly UsRange[] {
  const ranges = spans.map(({ startUs, durationUs }) => ({ startUs, endUs: startUs + durationUs + MIN_GAP_US }));
  return merged(ranges).map(({ startUs, endUs }) => ({ startUs, endUs: endUs - MIN_GAP_US }));
}

/** The parts of the box's recordings for which there are none here, oldest first. */
export function missingHere(own: readonly UsRange[], box: readonly BoxSpan[]): readonly BoxSpan[] {
  return box.flatMap(({ startUs, durationUs }) =>
    without({ startUs, endUs: startUs + durationUs }, own)
      .map((part) => ({ startUs: part.startUs, durationUs: part.endUs - part.startUs }))
      .filter((part) => part.durationUs === durationUs || part.durationUs >= MIN_PART_US),
  );
}

export const byStart = (one: BoxSpan, other: BoxSpan): number => one.startUs - other.startUs;
