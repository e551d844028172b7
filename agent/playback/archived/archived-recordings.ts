import type { RangeFile } from '../../record/store/range-file.ts';

const SCHEME = 'archive:';

/** The archive's copy of a recording. */
interface ArchivedRecording {
  /** `yard/2026-01-31/18-00-00-000000Z.mp4` */
  readonly name: string;
  readonly path: string;
  /** Start by the name of the file, Unix microseconds. */
  readonly nameUs: number;
  readonly sizeBytes: number;
  /** Facts of the recording, written by `writeFacts`; undefined: not read yet. */
  readonly facts: string | undefined;
}

/** What the archive has of this box. Its failures have `archived` in their context. */
export interface ArchivedRecordings {
  /** Whether the recordings in the archive are known. */
  readonly isListed: boolean;
  /** undefined: the archive has no copy. */
  find(path: string, nameUs: number): ArchivedRecording | undefined;
  paths(): readonly string[];
  /** Copies of a path, in the order of their names. @param afterUs the last of the previous page */
  after(path: string, afterUs: number, limit: number): readonly ArchivedRecording[];
  /** @throws PerchError notFound */
  open(name: string): RangeFile;
  /** Deletes the copy. Without an effect if there is none. @throws PerchError while the archive is away */
  remove(path: string, nameUs: number): Promise<void>;
}

/** How the index names the archive's copy: never the name of a file. */
export const archivedFile = (name: string): string => `${SCHEME}${name}`;

export const isArchivedFile = (file: string): boolean => file.startsWith(SCHEME);

/** Name in the archive of an `archivedFile`. */
export const nameInArchive = (file: string): string => file.slice(SCHEME.length);
