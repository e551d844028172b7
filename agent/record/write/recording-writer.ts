import type { StreamMark } from '../file/stream-mark.ts';

/** A recording being written in any format. */
export interface RecordingWriter {
  /** May change until the first part is written. */
  mark: StreamMark;
  /** Unix microseconds, as in the file name. */
  startUs: number;
  /** undefined before the file exists. */
  readonly name: string | undefined;
  readonly sizeBytes: number;
  readonly durationMs: number;
  /** `ftyp` and `moov`; undefined before the file exists, or for formats without them. */
  readonly header?: Uint8Array | undefined;
  /** Finished disk operations of this file: while it grows, the disk does not hang. */
  readonly steps: number;
  /**
   * Writes and clears the samples in the track buffers.
   * @returns false if the disk is too slow: the part is lost
   */
  writePart(): boolean;
  /** Flushes once written, ahead of the next round. */
  flush(): void;
  /** @returns false if the disk rejected it, or nothing was collected */
  finish(): Promise<boolean>;
}
