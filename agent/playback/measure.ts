import { setImmediate } from 'node:timers/promises';
import type { Catalog } from './index/catalog.ts';
import { merged, type UsRange, without } from './index/hidden-ranges.ts';
import { hiddenIn } from './index/lost-parts.ts';
import { rowsBetween } from './vod/recording-lookup.ts';

/** Times are Unix microseconds. */
export interface RecordedRange {
  readonly path: string;
  readonly startUs: number;
  readonly endUs: number;
}

export interface Measure {
  /** Estimated: each file counts by its share of time. */
  readonly bytes: number;
  readonly recordedUs: number;
  /** The first recorded moment. */
  readonly firstUs: number | undefined;
}

/** Files read from the index in one step. A month of clips has many; media is handled between steps. */
const ROWS_AT_ONCE = 500;

/** How much is recorded in a range. @param scans default: looks for new and deleted files */
export async function measure(
  catalog: Catalog,
  { path, startUs, endUs }: RecordedRange,
  scans = true,
): Promise<Measure> {
  await catalog.refresh(path, startUs, endUs, scans);
  const { hidden } = catalog.index;
  let [bytes, rows] = [0, 0];
  const parts: UsRange[] = [];
  for (const row of rowsBetween(catalog, path, startUs, endUs)) {
    const rowEndUs = row.startUs + row.durationUs;
    const within = { startUs: Math.max(row.startUs, startUs), endUs: Math.min(rowEndUs, endUs) };
    for (const part of within.endUs > within.startUs ? without(within, hiddenIn(row, hidden.of(path))) : []) {
      bytes += (row.sizeBytes * (part.endUs - part.startUs)) / row.durationUs;
      parts.push(part);
    }
    rows += 1;
    if (rows % ROWS_AT_ONCE === 0) {
      await setImmediate();
    }
  }
  // Files may overlap.
  const recorded = merged(parts);
  const recordedUs = recorded.reduce((sum, part) => sum + part.endUs - part.startUs, 0);
  return { bytes: Math.round(bytes), recordedUs, firstUs: recorded[0]?.startUs };
}
