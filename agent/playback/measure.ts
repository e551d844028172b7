import { setImmediate } from 'node:timers/promises';
import type { Catalog } from './index/catalog.ts';
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
}

/** Files read from the index in one step. A month of clips has many; media is handled between steps. */
const ROWS_AT_ONCE = 500;

/** How much is recorded in a range. */
export async function measure(catalog: Catalog, { path, startUs, endUs }: RecordedRange): Promise<Measure> {
  await catalog.refresh(path, startUs, endUs);
  let [bytes, recordedUs, doneUs, rows] = [0, 0, startUs, 0];
  for (const row of rowsBetween(catalog, path, startUs, endUs)) {
    const rowEndUs = row.startUs + row.durationUs;
    const withinUs = Math.min(rowEndUs, endUs) - Math.max(row.startUs, startUs);
    if (withinUs > 0) {
      bytes += (row.sizeBytes * withinUs) / row.durationUs;
      // Files may overlap.
      recordedUs += Math.max(0, Math.min(rowEndUs, endUs) - Math.max(row.startUs, doneUs));
      doneUs = Math.max(doneUs, rowEndUs);
    }
    rows += 1;
    if (rows % ROWS_AT_ONCE === 0) {
      await setImmediate();
    }
  }
  return { bytes: Math.round(bytes), recordedUs };
}
