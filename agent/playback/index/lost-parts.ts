import type { LostUs } from '../../record/file/lost-ranges.ts';
import { merged, type Timespan, type UsRange, without } from './hidden-ranges.ts';

export const writeLost = (lostUs: readonly LostUs[] | undefined): string | null =>
  lostUs === undefined ? null : JSON.stringify(lostUs);

export const parseLost = (text: unknown, startUs: number): UsRange[] =>
  typeof text === 'string'
    ? (JSON.parse(text) as LostUs[]).map(([fromUs, toUs]) => ({ startUs: startUs + fromUs, endUs: startUs + toUs }))
    : [];

/** What does not play of a recording, or is deleted, oldest first. */
export const hiddenIn = ({ lost }: { readonly lost: readonly UsRange[] }, deleted: readonly UsRange[]) =>
  lost.length === 0 ? deleted : merged([...lost, ...deleted]);

/** The first moment of a recording that plays. */
export const shownStart = (
  row: { readonly startUs: number; readonly durationUs: number; readonly lost: readonly UsRange[] },
  deleted: readonly UsRange[],
): number | undefined =>
  without({ startUs: row.startUs, endUs: row.startUs + row.durationUs }, hiddenIn(row, deleted))[0]?.startUs;

/** @param spans by start @param rows recordings with lost parts */
export function withoutLost(
  spans: readonly Timespan[],
  rows: readonly { readonly startUs: number; readonly lost: readonly UsRange[] }[],
): readonly Timespan[] {
  if (rows.length === 0) {
    return spans;
  }
  const bySpan = Map.groupBy(rows, ({ startUs }) => spans.findLastIndex((span) => span.startUs <= startUs));
  const left = spans.flatMap((span, i) => {
    const lost = bySpan.get(i)?.flatMap((row) => row.lost);
    return lost
      ? without({ startUs: span.startUs, endUs: span.startUs + span.durationUs }, merged(lost)).map(timespanOf)
      : [span];
  });
  // Files may overlap.
  return left.sort((one, other) => one.startUs - other.startUs);
}

const timespanOf = ({ startUs, endUs }: UsRange): Timespan => ({ startUs, durationUs: endUs - startUs });
