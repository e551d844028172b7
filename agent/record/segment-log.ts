import type { FileMark } from './file-mark.ts';
import type { StreamMark } from './stream-mark.ts';

/** One recording file. Times are Unix microseconds, as in its name. */
export interface Segment {
  readonly path: string;
  readonly file: string;
  readonly startUs: number;
}

export interface FinishedSegment extends Segment {
  readonly durationMs: number;
  readonly sizeBytes: number;
  /** What stands in the file's header, so that nobody has to read it again; undefined where the format has none. */
  readonly mark?: StreamMark;
  readonly fileMark?: FileMark;
  /** `id:timescale:codec` of each track, with commas between. */
  readonly signature?: string;
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
