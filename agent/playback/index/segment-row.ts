import type { FileMark } from '../../record/file/file-mark.ts';
import type { LostUs } from '../../record/file/lost-ranges.ts';
import type { StreamMark } from '../../record/file/stream-mark.ts';
import type { UsRange } from './hidden-ranges.ts';
import type { Row } from './index-database.ts';
import { parseLost } from './lost-parts.ts';

export interface SegmentInfo {
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly isFinished: boolean;
  readonly durationUs: number;
  /** undefined without a `mtxi` box. */
  readonly mark: StreamMark | undefined;
  /** undefined for files not written by Perch. */
  readonly fileMark: FileMark | undefined;
  /** Track ids, time scales and codecs as text: files without `mtxi` are joined only if it matches. */
  readonly signature: string;
  /** Parts in the middle that a power cut has taken. */
  readonly lostUs?: readonly LostUs[] | undefined;
}

export interface NamedFile {
  readonly folder: string;
  readonly name: string;
  readonly path: string;
  readonly startUs: number;
}

/** Files without a `mtxi` box are joined if one starts this close to the end of the other. */
const MERGE_TOLERANCE_US = 1_000_000;
/** The end of a file of Perch is lost if the next one of its stream begins this much later. */
const MIN_LOST_US = 500_000;

export const STATE = { unread: 0, growing: 1, finished: 2, broken: 3, copied: 4 } as const;
export type SegmentState = (typeof STATE)[keyof typeof STATE];

/** A recording in the index. Times are Unix microseconds. */
export interface SegmentRow {
  readonly id: number;
  readonly file: string;
  readonly path: string;
  /** By the file name, corrected for time zones once the file is read. */
  readonly nameUs: number;
  /** Shown start: corrected for time zones and for an untrusted clock. */
  readonly startUs: number;
  readonly state: SegmentState;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly durationUs: number;
  readonly streamId: string | undefined;
  readonly segmentNumber: number;
  readonly dtsUs: number;
  /** Track ids, time scales and codecs as text; empty if not queried. */
  readonly signature: string;
  readonly isOwn: boolean;
  readonly isClockTrusted: boolean;
  /** UTC offset of the local time in its name, or undefined if unknown. */
  readonly offsetMinutes: number | undefined;
  /** Capture time of the start, by the clock of that moment. */
  readonly wallUs: number | undefined;
  /** Capture time on the monotonic clock of its boot. */
  readonly monoUs: number | undefined;
  readonly fault: string | undefined;
  /** What a power cut has taken from the middle, oldest first. */
  readonly lost: readonly UsRange[];
}

/** Names the index: without it a query reads all unread files. */
export const READABLE = 'segments INDEXED BY by_readable';

/** @param source the table and the index to use; its alias is `s` */
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
    lost: parseLost(row['lost'], Number(row['start_us'])),
  };
}

/** Decides whether recordings are joined. Signatures are only compared. */
export interface Joinable {
  readonly streamId: string | undefined;
  readonly segmentNumber: number;
  readonly signature: string | number;
  readonly startUs: number;
  readonly durationUs: number;
  readonly dtsUs: number;
  readonly isOwn: boolean;
}

/** MediaMTX's rule for joining two recordings, unless a power cut has taken the end of the first. */
export function continues(before: Joinable, row: Joinable): boolean {
  if (before.streamId !== undefined && row.streamId !== undefined) {
    const isLost = before.isOwn && row.isOwn && row.dtsUs - before.dtsUs - before.durationUs >= MIN_LOST_US;
    return before.streamId === row.streamId && row.segmentNumber === before.segmentNumber + 1 && !isLost;
  }
  if (before.streamId !== undefined || row.streamId !== undefined || before.signature !== row.signature) {
    return false;
  }
  return Math.abs(row.startUs - (before.startUs + before.durationUs)) <= MERGE_TOLERANCE_US;
}
