import type { ReadableFile } from '../../record/file/segment-fs.ts';

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

/** A recording that is read from the archive by ranges. */
export interface ArchivedFile extends ReadableFile {
  /** The facts of its `ArchivedRecording`. */
  readonly facts: string | undefined;
  /** Reads a range in advance; it stays in memory until the file is closed. */
  keep(position: number, length: number): Promise<void>;
  /** Reads the table of an MPEG-TS recording. @throws PerchError notFound: the archive has none */
  readTable(): Promise<Uint8Array>;
  /** Reads the signatures of the recording; undefined: the archive has none. */
  readSignatures(): Promise<Uint8Array | undefined>;
  /** Ends pending reads. */
  abort(): void;
  close(): Promise<void>;
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
  open(name: string): ArchivedFile;
  /** Deletes the copy. Without an effect if there is none. @throws PerchError while the archive is away */
  remove(path: string, nameUs: number): Promise<void>;
}

/** How the index names the archive's copy: never the name of a file. */
export const archivedFile = (name: string): string => `${SCHEME}${name}`;

export const isArchivedFile = (file: string): boolean => file.startsWith(SCHEME);

/** Name in the archive of an `archivedFile`. */
export const nameInArchive = (file: string): string => file.slice(SCHEME.length);
