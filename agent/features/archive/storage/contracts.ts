import type { RangeFile } from '../../../record/store/range-file.ts';

/** A finished recording on a local disk. Times are Unix microseconds. */
export interface LocalRecording {
  readonly file: string;
  readonly path: string;
  /** Start by the file name, which never changes and names the object. */
  readonly nameUs: number;
  /** Shown start. */
  readonly startUs: number;
  readonly durationUs: number;
  readonly sizeBytes: number;
}

/** Times of a recording in the index, on a disk or in the archive, in Unix microseconds. */
export interface KnownStart {
  readonly nameUs: number;
  /** Shown start, or undefined if it is not known, for example because the clock has not been set since. */
  readonly startUs: number | undefined;
  readonly durationUs: number;
}

/** Which recordings of a path are archived. */
export type ArchiveScope = 'all' | 'protected' | 'no';

/** What the archive needs of the recorder and its index. */
export interface RecordingSource {
  /** Whether the index knows every recording. */
  readonly isWhole: boolean;
  /** Whether the date is right and new recordings get later names than earlier ones. */
  readonly isClockTrusted: boolean;
  /** Whether `protectedOf` is complete. */
  readonly isProtectionKnown: boolean;
  /** Whether a recording waits for its disk: meanwhile the archive does not use the disk. */
  readonly isHeldUp: boolean;
  /** Names of the paths with recordings. */
  names(): Promise<readonly string[]>;
  scopeOf(path: string): ArchiveScope;
  /** How long the archive keeps a path's recordings; 0: forever. */
  keptMs(path: string): number;
  /** Finished recordings that start in a range, oldest first. @param after the last of the previous page */
  finishedFrom(path: string, fromUs: number, toUs: number, limit: number, after?: LocalRecording): LocalRecording[];
  /** Starts of all recordings of a path in the index; those of other recordings are unknown. */
  startsOf(path: string): Iterable<KnownStart>;
  /** What is noted of a finished recording to list and play its copy, as text, or undefined if it cannot be read. */
  factsOf(recording: LocalRecording): Promise<string | undefined>;
  /** Like `factsOf`, for a copy in the archive. @param name without `PREFIX/BOX/` @throws PerchError if the archive fails */
  archivedFactsOf(name: string, file: RangeFile): Promise<string | undefined>;
  /** The table of a finished recording that has none at its end, or undefined if it has one, or cannot be read. */
  tableOf(recording: LocalRecording): Promise<Uint8Array | undefined>;
  /** The signatures of a finished recording, or undefined if it is not signed, or not yet. */
  signaturesOf(file: string): Promise<Uint8Array | undefined>;
  /** Parts of the path that are never deleted. */
  protectedOf(path: string): readonly { readonly startUs: number; readonly endUs: number }[];
}

export interface StoredObject {
  readonly key: string;
  /** Size of the recording. All sizes and positions here are those of the recording, without what the archive adds. */
  readonly sizeBytes: number;
}

/** One recording on its way to the archive. */
export interface Upload {
  readonly key: string;
  readonly sizeBytes: number;
  /** Reads exactly these bytes of the recording; valid until the next call. @throws PerchError if the file is shorter */
  readonly read: (position: number, length: number) => Promise<Uint8Array>;
  /** Whether the recording is sent in parts, however small it is. */
  readonly isMultipart?: boolean;
  /** Waits until this many bytes may be sent. */
  readonly pace: (bytes: number) => Promise<void>;
  /** Called between parts. @throws to end the upload, which is resumed later */
  readonly checkPoint: () => void;
  /** Id of the unfinished multipart upload of this recording. */
  readonly unfinished: string | undefined;
  /** Called when a multipart upload has begun: notes its id on disk before the first part is sent. */
  readonly begun: (uploadId: string) => Promise<void>;
  /** Called with the number of bytes that the archive has. */
  readonly sent: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** Where recordings are archived: a bucket or a folder. Failures are those of `failure.ts`. */
export interface ArchiveStorage {
  /** Stores a whole recording unless the archive has it. @returns its SHA-256 in hex, after the archive's copy is verified */
  put(upload: Upload): Promise<string>;
  /**
   * Reads exactly these bytes of the recording. Ends at once when the signal aborts.
   * @param length at most MAX_RANGE_BYTES
   * @throws PerchError, `gone` if there is no such object
   */
  read(key: string, position: number, length: number, signal: AbortSignal): Promise<Uint8Array>;
  /** Size of the recording in an object. @throws PerchError, `gone` if there is no such object */
  sizeOf(key: string, signal: AbortSignal): Promise<number>;
  list(prefix: string, signal: AbortSignal): AsyncIterable<StoredObject>;
  /** Deletes an object, if it exists. */
  remove(key: string, signal: AbortSignal): Promise<void>;
  /** Aborts unfinished uploads below a prefix, except one. */
  removeUnfinished(prefix: string, kept: string | undefined, signal: AbortSignal): Promise<void>;
  close(): void;
}
