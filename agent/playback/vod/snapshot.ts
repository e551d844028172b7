import { createHash } from 'node:crypto';
import { PerchError } from '../../base/errors.ts';
import { readStill, type Still, stillsOf } from '../../record/stills/still-files.ts';
import { type SegmentRow, STATE } from '../index/segment-row.ts';

/** How far from the time a still may be: first what is near, then what costs more to look through. */
const SEARCH_RANGES_US = [3_600e6, 86_400e6] as const;
/** A file that was copied has lost its time: it belongs near its recording all the same. */
const TOLERANCE_US = 60e6;
/** Recordings that are asked for stills: cameras without any must not cost a look at a day of clips. */
const MAX_CHECKED = 500;

type SnapshotRow = Pick<SegmentRow, 'file' | 'startUs' | 'durationUs' | 'state'>;

/** What this asks of the index. */
export interface SnapshotLookup {
  /** Recordings of a path between two times. @throws PerchError when the path is not known */
  between(path: string, fromUs: number, toUs: number): Promise<Iterable<SnapshotRow>>;
}

/** One of the camera's own pictures. */
export interface FoundSnapshot {
  readonly jpeg: Uint8Array;
  /** When it was taken: Unix microseconds. */
  readonly timeUs: number;
  /** Quoted. */
  readonly etag: string;
}

interface Candidate {
  readonly still: Still;
  readonly timeUs: number;
}

/** The still that was taken nearest to a time. @throws PerchError 'notFound' when there is none within a day */
export async function findSnapshot(recordings: SnapshotLookup, path: string, timeUs: number): Promise<FoundSnapshot> {
  for (const reachUs of SEARCH_RANGES_US) {
    const rows = [...(await recordings.between(path, timeUs - reachUs, timeUs + reachUs))];
    const found = await nearestOf(rows, timeUs);
    if (found) {
      return found;
    }
  }
  throw new PerchError('notFound', 'no still was taken around then', { path });
}

async function nearestOf(rows: readonly SnapshotRow[], timeUs: number): Promise<FoundSnapshot | undefined> {
  const near = rows.map((row) => ({ row, awayUs: distanceOf(row, timeUs) })).sort((a, b) => a.awayUs - b.awayUs);
  const candidates: Candidate[] = [];
  let bestUs = Infinity;
  for (const { row, awayUs } of near.slice(0, MAX_CHECKED)) {
    if (awayUs - TOLERANCE_US > bestUs) {
      break;
    }
    for (const still of await stillsOf(row.file)) {
      const takenUs = timeOf(still, row);
      candidates.push({ still, timeUs: takenUs });
      bestUs = Math.min(bestUs, Math.abs(takenUs - timeUs));
    }
  }
  candidates.sort((a, b) => Math.abs(a.timeUs - timeUs) - Math.abs(b.timeUs - timeUs));
  for (const candidate of candidates) {
    const jpeg = await readStill(candidate.still);
    if (jpeg) {
      const hash = createHash('sha256').update(JSON.stringify(candidate)).digest('base64url');
      return { jpeg, timeUs: candidate.timeUs, etag: `"${hash.slice(0, 27)}"` };
    }
  }
  return undefined;
}

/** From a recording to a time; 0 inside it. */
function distanceOf(row: SnapshotRow, timeUs: number): number {
  return Math.max(0, row.startUs - timeUs, timeUs - endOf(row));
}

/** One that is being written goes on. */
function endOf({ startUs, durationUs, state }: SnapshotRow): number {
  return state === STATE.growing ? Infinity : startUs + durationUs;
}

function timeOf({ timeMs }: Still, row: SnapshotRow): number {
  const takenUs = Math.round(timeMs * 1000);
  return Math.min(Math.max(takenUs, row.startUs - TOLERANCE_US), endOf(row) + TOLERANCE_US);
}
