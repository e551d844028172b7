import { PerchError } from '../../base/errors.ts';
import { readSnapshot, type Snapshot, snapshotsOf } from '../../record/snapshots/snapshot-files.ts';
import type { HiddenRanges } from '../index/hidden-ranges.ts';
import { type SegmentRow, STATE } from '../index/segment-row.ts';
import { etagOf } from '../read/send-ranged.ts';

/** Search ranges around the time: near first, then more expensive. */
const SEARCH_RANGES_US = [3_600e6, 86_400e6] as const;
/** A copied file has lost its time, but belongs near its recording. */
const TOLERANCE_US = 60e6;

type SnapshotRow = Pick<SegmentRow, 'file' | 'startUs' | 'durationUs' | 'state'>;

interface SnapshotLookup {
  /** Recordings of a path in the range. @throws PerchError for an unknown path */
  between(path: string, fromUs: number, toUs: number): Promise<Iterable<SnapshotRow>>;
  readonly hidden: Pick<HiddenRanges, 'has'>;
}

export interface FoundSnapshot {
  readonly jpeg: Uint8Array;
  /** Capture time in Unix microseconds. */
  readonly timeUs: number;
  /** Quoted. */
  readonly etag: string;
}

interface Candidate {
  readonly still: Snapshot;
  readonly timeUs: number;
}

/** The snapshot nearest to a time. @throws PerchError 'notFound' if there is none within a day */
export async function findSnapshot(recordings: SnapshotLookup, path: string, timeUs: number): Promise<FoundSnapshot> {
  for (const reachUs of SEARCH_RANGES_US) {
    const rows = [...(await recordings.between(path, timeUs - reachUs, timeUs + reachUs))];
    const found = await nearestOf(rows, timeUs, (us) => recordings.hidden.has(path, us));
    if (found) {
      return found;
    }
  }
  throw new PerchError('notFound', 'no still was taken near this time', { path });
}

async function nearestOf(
  rows: readonly SnapshotRow[],
  timeUs: number,
  isHidden: (us: number) => boolean,
): Promise<FoundSnapshot | undefined> {
  const near = rows.map((row) => ({ row, awayUs: distanceOf(row, timeUs) })).sort((a, b) => a.awayUs - b.awayUs);
  const candidates: Candidate[] = [];
  let bestUs = Infinity;
  // Cameras without any snapshot stay cheap.
  for (const { row, awayUs } of near.slice(0, 500)) {
    if (awayUs - TOLERANCE_US > bestUs) {
      break;
    }
    for (const still of row.state === STATE.copied ? [] : await snapshotsOf(row.file)) {
      const takenUs = timeOf(still, row);
      if (isHidden(takenUs)) {
        continue;
      }
      candidates.push({ still, timeUs: takenUs });
      bestUs = Math.min(bestUs, Math.abs(takenUs - timeUs));
    }
  }
  candidates.sort((a, b) => Math.abs(a.timeUs - timeUs) - Math.abs(b.timeUs - timeUs));
  for (const candidate of candidates) {
    const jpeg = await readSnapshot(candidate.still);
    if (jpeg) {
      return { jpeg, timeUs: candidate.timeUs, etag: etagOf(JSON.stringify(candidate)) };
    }
  }
  return undefined;
}

/** Distance of a time from a recording; 0 inside. */
function distanceOf(row: SnapshotRow, timeUs: number): number {
  return Math.max(0, row.startUs - timeUs, timeUs - endOf(row));
}

function endOf({ startUs, durationUs, state }: SnapshotRow): number {
  return state === STATE.growing ? Infinity : startUs + durationUs;
}

function timeOf({ timeMs }: Snapshot, row: SnapshotRow): number {
  const takenUs = Math.round(timeMs * 1000);
  return Math.min(Math.max(takenUs, row.startUs - TOLERANCE_US), endOf(row) + TOLERANCE_US);
}
