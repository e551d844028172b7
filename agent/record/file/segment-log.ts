/** A recording file. Times are Unix microseconds, as in its name. */
export interface Segment {
  readonly path: string;
  readonly file: string;
  readonly startUs: number;
}

export interface FinishedSegment extends Segment {
  readonly durationMs: number;
  readonly sizeBytes: number;
  /** `ftyp` and `moov` as in the file, to save reading them. undefined for formats without them. */
  readonly header?: Uint8Array;
}

/** Receives recordings: the playback index, hooks. Called synchronously; must not throw. */
export interface SegmentLog {
  /** The file exists; its first part follows. */
  opened(segment: Segment): void;
  /** The file is complete, indexed and on disk. */
  finished(segment: FinishedSegment): void;
  removed(file: string): void;
}
