import type { PerchError } from '../../base/errors.ts';
import type { Catalog } from '../index/catalog.ts';
import type { HiddenRanges } from '../index/hidden-ranges.ts';
import type { SegmentRow } from '../index/segment-row.ts';
import type { RecordingLookup } from './recorded-period.ts';

const ROWS_AT_ONCE = 64;
/** Audio may precede video: a file may start at most this long before the last frames of the previous one. */
export const MAX_OVERLAP_US = 2_000_000;
/** Files of one path starting in the same microsecond, with different templates. */
const MAX_SAME_NAME = 16;

export class CatalogLookup implements RecordingLookup {
  readonly #catalog: Catalog;
  readonly #require: (path: string) => Promise<void>;

  /** @param require throws for a path that is neither configured nor recorded */
  constructor(catalog: Catalog, require: (path: string) => Promise<void>) {
    this.#catalog = catalog;
    this.#require = require;
  }

  get hidden(): HiddenRanges {
    return this.#catalog.index.hidden;
  }

  async between(path: string, fromUs: number, toUs: number): Promise<Iterable<SegmentRow>> {
    await this.#require(path);
    await this.#catalog.refresh(path, fromUs - MAX_OVERLAP_US, toUs);
    requireAvailable(this.#catalog, path, fromUs, toUs);
    return rowsBetween(this.#catalog, path, fromUs, toUs);
  }

  async named(path: string, nameUs: number): Promise<Iterable<SegmentRow>> {
    await this.#require(path);
    return namedRows(this.#catalog, path, nameUs);
  }
}

/** Recordings that may overlap the range, a few at a time: a day has many. */
export function* rowsBetween(
  { index }: Catalog,
  path: string,
  fromUs: number,
  toUs: number,
): Generator<SegmentRow, void> {
  const firstUs = index.lastStartUpTo(path, fromUs - MAX_OVERLAP_US);
  let last: SegmentRow | undefined;
  do {
    const rows: SegmentRow[] = index.list(path, firstUs, toUs, ROWS_AT_ONCE, last);
    yield* rows;
    last = rows.length < ROWS_AT_ONCE ? undefined : rows.at(-1);
  } while (last);
}

/** @throws PerchError if all recordings in the range are on missing disks */
export function requireAvailable(catalog: Catalog, path: string, fromUs: number, toUs: number): void {
  if (!catalog.hasOffline) {
    return;
  }
  let whyNot: PerchError | undefined;
  for (const row of rowsBetween(catalog, path, fromUs, toUs)) {
    if (row.startUs <= toUs && row.startUs + row.durationUs > fromUs) {
      const why = catalog.offlineReason(row.file);
      if (!why) {
        return;
      }
      whyNot = why;
    }
  }
  if (whyNot) {
    throw whyNot;
  }
}

/** Rows whose file name has this start. Most recordings start at the time in their names. */
function* namedRows({ index }: Catalog, path: string, nameUs: number): Generator<SegmentRow, void> {
  yield* index.list(path, nameUs, nameUs, MAX_SAME_NAME).filter((row) => row.nameUs === nameUs);
  yield* index.named(path, nameUs, MAX_SAME_NAME);
}
