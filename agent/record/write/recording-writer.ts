import type { TrackRun } from '../../media/mp4/write/fragment.ts';
import type { FileMark } from '../file/file-mark.ts';
import type { StreamMark } from '../file/stream-mark.ts';
import type { SegmentFile, SegmentFileOptions } from './segment-file.ts';
import type { TrackBuffer } from './track-buffer.ts';

/** A file mark without the random number of each file. */
export type FileOrigin = Omit<FileMark, 'firstSequence'>;
type OriginOf = (mark: StreamMark) => FileOrigin;

/** A recording being written in any format. Its file is created with the first part. */
export abstract class RecordingWriter {
  /** May change until the first part is written. */
  mark: StreamMark;
  /** Unix microseconds, as in the file name. */
  startUs: number;
  protected readonly originOf: OriginOf;
  protected readonly buffers: readonly TrackBuffer[];
  protected readonly options: SegmentFileOptions;
  protected file: SegmentFile | undefined;
  #endSeconds = 0;

  /** @param buffers their `originDts` is set to this file's start */
  constructor(mark: StreamMark, originOf: OriginOf, buffers: readonly TrackBuffer[], options: SegmentFileOptions) {
    this.mark = mark;
    this.startUs = mark.wallUs;
    this.originOf = originOf;
    this.buffers = buffers;
    this.options = options;
  }

  /** undefined before the file exists. */
  get name(): string | undefined {
    return this.file?.name;
  }

  /** `ftyp` and `moov`; undefined before the file exists, or for formats without them. */
  get header(): Uint8Array | undefined {
    return undefined;
  }

  get sizeBytes(): number {
    return this.file?.sizeBytes ?? 0;
  }

  /** What the disk has not taken yet. */
  get waitingBytes(): number {
    return this.file?.waitingBytes ?? 0;
  }

  /** Finished disk operations of this file: while it grows, the disk does not hang. */
  get steps(): number {
    return this.file?.steps ?? 0;
  }

  /** Never 0, which would mark the file as unfinished. */
  get durationMs(): number {
    return Math.max(1, Math.round(this.#endSeconds * 1000));
  }

  /** Writes and clears the complete samples in the buffers. @returns false if the disk is too slow: the part is lost */
  abstract writePart(): boolean;

  /** Flushes once written, ahead of the next round. */
  flush(): void {
    this.file?.flush();
  }

  /** @returns false if the disk rejected it, or nothing was collected */
  abstract finish(): Promise<boolean>;

  /** The complete samples of each track that has some. Their holds pass to the caller. */
  protected takeRuns(): TrackRun[] {
    const runs: TrackRun[] = [];
    for (const buffer of this.buffers) {
      const run = buffer.takeWhole();
      if (run) {
        runs.push(run);
        this.#endSeconds = Math.max(this.#endSeconds, buffer.secondsOf(run.endDts - buffer.originDts));
      }
    }
    return runs;
  }

  /** Start and end for the file's times, Unix milliseconds. */
  protected get span(): { readonly startMs: number; readonly endMs: number } {
    const startMs = this.startUs / 1000;
    return { startMs, endMs: startMs + this.durationMs };
  }
}
