import type { Row } from './index-database.ts';

/** Files without a `mtxi` box go together when one begins this close to the end of the other. */
const MERGE_TOLERANCE_US = 1_000_000;

export const STATE = { unread: 0, growing: 1, finished: 2, broken: 3, stored: 4 } as const;
export type SegmentState = (typeof STATE)[keyof typeof STATE];

/** One recording as the index knows it. Times are Unix microseconds. */
export interface SegmentRow {
  readonly id: number;
  readonly file: string;
  readonly path: string;
  /** As the file's name says. */
  readonly nameUs: number;
  /** As it is shown: corrected for time zones, and for a clock that was not set yet. */
  readonly startUs: number;
  readonly state: SegmentState;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly durationUs: number;
  readonly streamId: string | undefined;
  readonly segmentNumber: number;
  readonly dtsUs: number;
  /** Track ids, time scales and codecs as a text; empty when it was not asked for. */
  readonly signature: string;
  /** Perch has written it. */
  readonly isOwn: boolean;
  /** The clock was set when it was begun. */
  readonly isClockTrusted: boolean;
  /** Of the local time in which it is named; undefined: not known. */
  readonly offsetMinutes: number | undefined;
  /** Capture time of its start, as the clock said then. */
  readonly wallUs: number | undefined;
  /** Capture time on the monotonic clock of its boot. */
  readonly monoUs: number | undefined;
  /** Why it cannot be read. */
  readonly fault: string | undefined;
}

/** Named, because a search through files that are not read yet would cost as much as there are of them. */
export const READABLE = 'segments INDEXED BY by_readable';

/** @param source the table, with the index that is to be used; it is called `s` */
export const selectRows = (source = 'segments'): string => `
  SELECT s.*, folders.text || '/' || s.name AS file, paths.text AS path_text, lower(hex(s.stream)) AS stream_text, tracks.text AS signature_text
  FROM ${source.replace('segments', 'segments AS s')}
  LEFT JOIN names AS folders ON folders.id = s.folder LEFT JOIN names AS paths ON paths.id = s.path
  LEFT JOIN names AS tracks ON tracks.id = s.signature`;

const numberOf = (value: unknown): number | undefined => (value === null ? undefined : Number(value));

export function rowOf(row: Row): SegmentRow {
  return {
    id: Number(row['id']),
    file: String(row['file']),
    path: String(row['path_text']),
    nameUs: Number(row['name_us']),
    startUs: Number(row['start_us']),
    state: Number(row['state']) as SegmentState,
    sizeBytes: Number(row['size']),
    mtimeMs: Number(row['mtime_ms']),
    durationUs: Number(row['duration_us']),
    streamId: String(row['stream_text']) || undefined,
    segmentNumber: Number(row['segment_number']),
    dtsUs: Number(row['dts_us']),
    signature: String(row['signature_text'] ?? ''),
    isOwn: row['own'] === 1,
    isClockTrusted: row['trusted'] === 1,
    offsetMinutes: numberOf(row['offset_minutes']),
    wallUs: numberOf(row['wall_us']),
    monoUs: numberOf(row['mono_us']),
    fault: row['fault'] === null ? undefined : String(row['fault']),
  };
}

/** What it takes to know whether recordings go on from one another. Signatures are only compared. */
export interface Joinable {
  readonly streamId: string | undefined;
  readonly segmentNumber: number;
  readonly signature: string | number;
  readonly startUs: number;
  readonly durationUs: number;
}

/** MediaMTX's rule for two recordings that are one timespan. */
export function continues(before: Joinable, row: Joinable): boolean {
  if (before.streamId !== undefined && row.streamId !== undefined) {
    return before.streamId === row.streamId && row.segmentNumber === before.segmentNumber + 1;
  }
  if (before.streamId !== undefined || row.streamId !== undefined || before.signature !== row.signature) {
    return false;
  }
  return Math.abs(row.startUs - (before.startUs + before.durationUs)) <= MERGE_TOLERANCE_US;
}
