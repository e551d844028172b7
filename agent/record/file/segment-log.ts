/** One recording file. Times are Unix microseconds, as in its name. */
export interface Segment {
  readonly path: string;
  readonly file: string;
  readonly startUs: number;
}

export interface FinishedSegment extends Segment {
  readonly durationMs: number;
  readonly sizeBytes: number;
  /** `ftyp` and `moov`, as they stand in the file: nobody has to read them again. Undefined where the format has none. */
  readonly header?: Uint8Array;
}

/** Who wants to know of recordings: the playback index, hooks. Called synchronously; must not throw. */
export interface SegmentLog {
  /** The file exists; its first part is about to be written. */
  opened(segment: Segment): void;
  /** The file is whole, indexed and on the disk. */
  finished(segment: FinishedSegment): void;
  /** The file has been deleted by its age. */
  removed(file: string): void;
}
