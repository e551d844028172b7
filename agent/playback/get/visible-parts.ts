import type { Catalog } from '../index/catalog.ts';
import { type UsRange, without } from '../index/hidden-ranges.ts';
import { hiddenIn } from '../index/lost-parts.ts';
import { continues, type Joinable, type SegmentRow } from '../index/segment-row.ts';
import { type FileWindow, WHOLE } from '../read/cut.ts';
import type { GetQuery } from '../read/query.ts';
import type { StoredPart } from '../read/stored-part.ts';
import { rowsBetween } from '../vod/recording-lookup.ts';

/**
 * MediaMTX's tolerance for files without marks: recordings closer together continue, and only their times show the gap.
 */
export const MIN_GAP_US = 1_000_000;
/** Between two recordings the wall clock was not set if it moved by less against the monotonic clock: it was slewed. */
const MAX_SLEW_US = 500_000;

/**
 * The files that may overlap the window, in order: the last one that starts before it and reaches into it, later ones, and
 * an earlier one that continues into it. Audio may precede video: a file then starts before the last frames of the previous one.
 */
export function* rowsOf(
  catalog: Catalog,
  { path, startUs, durationUs }: Pick<GetQuery, 'path' | 'startUs' | 'durationUs'>,
): Generator<SegmentRow> {
  const early: SegmentRow[] = [];
  for (const row of rowsBetween(catalog, path, startUs, startUs + durationUs)) {
    if (row.startUs > startUs) {
      yield* lastStream(early.splice(0));
      yield row;
    } else if (row.startUs + row.durationUs > startUs) {
      early.push(row);
    }
  }
  yield* lastStream(early);
}

/** A recording, or a part of one next to deleted or lost parts. */
export interface VisiblePart {
  readonly row: Pick<SegmentRow, 'file' | 'dtsUs' | 'wallUs' | 'monoUs'> & Joinable;
  readonly startUs: number;
  /** A growing recording may be longer. */
  readonly endUs: number;
  readonly window: FileWindow;
  /** Reads the table of a part that is on another box. */
  readonly readTable?: StoredPart['readTable'];
}

export function* visibleParts(hidden: readonly UsRange[], rows: Iterable<SegmentRow>): Generator<VisiblePart> {
  for (const row of rows) {
    const whole = { startUs: row.startUs, endUs: row.startUs + row.durationUs };
    const seconds = (us: number): number => (us - row.startUs) / 1e6;
    for (const { startUs, endUs } of without(whole, hiddenIn(row, hidden))) {
      yield {
        row,
        startUs,
        endUs,
        window: {
          from: startUs > whole.startUs ? seconds(startUs) : WHOLE.from,
          to: endUs < whole.endUs ? seconds(endUs) : WHOLE.to,
        },
      };
    }
  }
}

/**
 * A changed recorder begins with the last key frame, which the former one has recorded, too. The former one ends there,
 * or the changed one is left out while it has nothing else.
 * After a clock was set back two recordings have the same times, and different pictures: both are kept.
 */
export function* withoutRepeats(parts: Iterable<VisiblePart>): Generator<VisiblePart> {
  let before: VisiblePart | undefined;
  for (const part of parts) {
    const isRepeat = before !== undefined && repeats(before, part);
    if (before && isRepeat && part.endUs <= before.endUs) {
      continue;
    }
    if (before) {
      yield isRepeat ? endingAt(before, part.startUs) : before;
    }
    before = part;
  }
  if (before) {
    yield before;
  }
}

function repeats(before: VisiblePart, part: VisiblePart): boolean {
  const [one, other] = [zeroOf(before.row), zeroOf(part.row)];
  const isOneClock = one !== undefined && other !== undefined && Math.abs(one - other) < MAX_SLEW_US;
  return (
    isOneClock &&
    part.startUs > before.startUs &&
    before.endUs - part.startUs >= MIN_GAP_US &&
    !continues(before.row, part.row)
  );
}

/** The wall clock at the start of the machine. */
const zeroOf = ({ wallUs, monoUs }: VisiblePart['row']): number | undefined =>
  wallUs === undefined || monoUs === undefined ? undefined : wallUs - monoUs;

export const endingAt = (part: VisiblePart, endUs: number): VisiblePart => ({
  ...part,
  endUs,
  window: { from: part.window.from, to: (endUs - part.row.startUs) / 1e6 },
});

/** The last file and those it continues. */
function lastStream(rows: readonly SegmentRow[]): readonly SegmentRow[] {
  let first = Math.max(0, rows.length - 1);
  while (first > 0 && continues(rows[first - 1] as SegmentRow, rows[first] as SegmentRow)) {
    first -= 1;
  }
  return rows.slice(first);
}

/** Whether a part continues another one with nothing deleted or lost between them. */
export const isJoined = (before: VisiblePart, part: VisiblePart): boolean =>
  before.window.to === WHOLE.to && part.window.from === WHOLE.from && continues(before.row, part.row);
