import type { StreamMark } from '../file/stream-mark.ts';

/** One recording in the making, whatever its format. */
export interface RecordingWriter {
  /** What the file says of its start; may be changed until the first part is written. */
  mark: StreamMark;
  /** Unix microseconds, as in the file's name. */
  startUs: number;
  /** Undefined until the file exists. */
  readonly name: string | undefined;
  readonly sizeBytes: number;
  readonly durationMs: number;
  /** `ftyp` and `moov` of the file; undefined where the format has none, or before the file is begun. */
  readonly header?: Uint8Array | undefined;
  /** Operations that the disk has ended for this file: while it grows, the disk does not hang. */
  readonly steps: number;
  /**
   * Writes the samples that the track buffers have collected and empties them.
   * @returns false when the disk is too slow: the part is lost
   */
  writePart(): boolean;
  /** Has what was written so far flushed as soon as the disk has it: the next round is not waited for. */
  flush(): void;
  /** @returns false when the disk refused, or there is no file because nothing was collected */
  finish(): Promise<boolean>;
}
